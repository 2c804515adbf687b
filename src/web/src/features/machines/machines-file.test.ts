import { expect, it } from 'vitest';
import { readMachinesFile } from './machines-file.ts';

it('reads the list of the specification, digits as text', async () => {
  const [row] = await readMachinesFile(
    'machines:\n  - name: 17\n    host: localhost\n    port: 22221\n    user: root\n    password: 1234\n',
  );
  expect(row).toMatchObject({
    number: 1,
    name: '17',
    address: 'localhost:22221',
    problem: null,
    body: { name: '17', host: 'localhost', port: 22_221, user: 'root', password: '1234' },
  });
});

it.each([
  ['- {host: a, user: root, password: x}', 'name is missing'],
  ['- {name: a, host: b, user: root}', 'password or private_key is missing'],
  ['- {name: a, host: b, user: root, password: x, pasword: y}', '"pasword" is not known'],
  ['- just words', 'name, host, user and a credential are needed'],
  ['- {name: a, host: b, user: root, password: x}\n- {name: a, host: c, user: root, password: x}', 'twice'],
])('says what is wrong with an entry: %s', async (text, problem) => {
  expect((await readMachinesFile(text)).at(-1)?.problem).toContain(problem);
});

it.each([
  ['machines: {}', 'a list of machines is needed'],
  ['', 'a list of machines is needed'],
  ['machines:\n\t- name', 'this is no YAML'],
  ['a: &a [x, *a]\nmachines: [*a]', 'this is no YAML'],
])('refuses what is no such list: %s', async (text, problem) => {
  await expect(readMachinesFile(text)).rejects.toThrow(problem);
});
