import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newPerson, type Person } from './berth.ts';

describe('completion', { timeout: 60_000 }, () => {
  let person: Person;
  const scripts: Record<string, string> = {};

  beforeAll(async () => {
    person = newPerson();
    for (const shell of ['bash', 'zsh', 'fish']) {
      scripts[shell] = (await person.berth(['completion', shell])).stdout;
    }
  });
  afterAll(() => person.leave());

  const installed = (shell: string) => spawnSync(shell, ['-c', 'true']).status === 0;

  it.each(['bash', 'zsh', 'fish'])('is a script that %s can read', (shell) => {
    expect(scripts[shell]).toContain('accept-key');
    if (!installed(shell)) return;
    const file = join(person.home, 'script');
    writeFileSync(file, scripts[shell] ?? '');
    const env = { ...process.env, HOME: person.home };
    const checked = spawnSync(shell, ['-n', file], { encoding: 'utf8', env });
    expect(checked).toMatchObject({ status: 0, stderr: '' });
  });

  /** What bash offers for the last of these words. */
  function offered(...words: string[]): string[] {
    const quoted = words.map((word) => `'${word}'`).join(' ');
    const ask = `COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _berth; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = spawnSync('bash', ['-c', `${scripts['bash']}\n${ask}`], { encoding: 'utf8' });
    expect(stderr).toBe('');
    return stdout.split('\n').filter((line) => line !== '');
  }

  it.each([
    [
      ['berth', 're'],
      ['reserve', 'release'],
    ],
    [['berth', 'machines', 'ac'], ['accept-key']],
    [['berth', 'machines', 'list', '--la'], ['--label']],
    [['berth', 'reserve', '2', '--ma'], ['--machine']],
    [
      ['berth', 'users', '--json', 'set'],
      ['set-password', 'set-limits', 'set-role-limits'],
    ],
    [['berth', 'nonsense', 'x'], []],
  ])('of %j in bash offers %j', (words, expected) => {
    expect(offered(...words)).toEqual(expected);
  });

  it('knows no other shell', async () => {
    expect(await person.berth(['completion', 'powershell'])).toMatchObject({ code: 2, stdout: '' });
  });
});
