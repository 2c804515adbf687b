import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { MachineToRegister } from '#contract/schemas.ts';
import { readMachinesFile as readAtCommandLine } from '../../src/cli/machines-file.ts';
import { readMachinesFile as readInPage } from '../../src/web/src/features/machines/machines-file.ts';
import { garbage, hostileText, like, runs, type Schema, SEED } from './like-schema.ts';

const machine = fc.oneof(
  { arbitrary: like(MachineToRegister as Schema, { host: ['localhost', '::1'], name: ['m1'] }), weight: 6 },
  { arbitrary: garbage, weight: 1 },
);
const list = fc.array(machine, { maxLength: 6 });
/** Lists as YAML has them, as JSON, with a character changed, and what is none. */
const file = fc.oneof(
  list.map((machines) => stringify({ machines })),
  list.map((machines) => JSON.stringify({ machines })),
  list.map((machines) => stringify(machines)),
  fc
    .tuple(
      list,
      fc.nat(),
      fc.constantFrom(
        '\t',
        '\u0000',
        '&a ',
        '*a',
        '!!binary ',
        '!!js/function ',
        '<<: ',
        '- ',
        '"',
        '{',
        '\ufeff',
        '%TAG',
        '...',
        '|',
      ),
    )
    .map(([machines, at, strange]) => {
      const text = stringify({ machines });
      const place = at % text.length;
      return text.slice(0, place) + strange + text.slice(place);
    }),
  hostileText,
  fc.string({ unit: 'binary', maxLength: 2_000 }),
);

/** Small files that could be big work. */
const BOMBS: readonly (readonly [string, string])[] = [
  [
    'aliases of aliases',
    `${Array.from({ length: 30 }, (_, i) => `a${i}: &a${i} [${i === 0 ? 'x' : `*a${i - 1},`.repeat(9)}]`).join('\n')}\nmachines: *a29\n`,
  ],
  ['an alias of itself', 'machines: &a [*a]\n'],
  ['lists in lists', `machines: ${'['.repeat(200_000)}`],
  ['maps in maps', `machines: ${'{a: '.repeat(100_000)}`],
  ['dashes in dashes', `machines:\n${'- '.repeat(100_000)}x`],
  ['many keys that are the same', `machines: {${'a: 1, '.repeat(10_000)}}`],
  ['a long line', `machines: "${'x'.repeat(5_000_000)}"`],
  ['many entries', `machines:\n${'- {name: a}\n'.repeat(50_000)}`],
  ['merges of merges', `a: &a {x: 1}\n${'b: &b {<<: *a}\n'.repeat(20_000)}machines: []\n`],
  ['question marks', `machines: ${'? '.repeat(100_000)}`],
];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-fuzz-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
});

function atCommandLine(text: string): void {
  const path = join(folder, 'machines.yml');
  writeFileSync(path, text);
  const { machines, problems } = readAtCommandLine(path, 'gateway');
  expect(machines.length === 0 || problems.length === 0).toBe(true);
  for (const { name, host } of machines) {
    expect(name).toMatch(/^[A-Za-z0-9][A-Za-z0-9._-]*$/);
    expect(host).toMatch(/^[A-Za-z0-9:]/);
  }
}
async function inPage(text: string): Promise<void> {
  const rows = await readInPage(text).catch((error: Error) => {
    expect(error.message).toMatch(/^(this is no YAML|a list of machines is needed)/);
    return [];
  });
  for (const { body, problem } of rows) expect(body === null).toBe(problem !== null);
}

describe('the readers of machines.yml', () => {
  it('get anything whatever, and answer with machines or with problems', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(file, async (text) => {
        atCommandLine(text);
        await inPage(text);
      }),
      { seed: SEED, numRuns: runs(600), endOnFailure: true },
    );
  });

  it.each(BOMBS)('get %s, and are done soon', { timeout: 60_000 }, async (_, text) => {
    const before = process.memoryUsage.rss();
    let began = performance.now();
    atCommandLine(text);
    expect(performance.now() - began).toBeLessThan(10_000);
    began = performance.now();
    await inPage(text);
    expect(performance.now() - began).toBeLessThan(10_000);
    expect((process.memoryUsage.rss() - before) / 2 ** 20).toBeLessThan(600);
  });

  it('read no file without end', () => {
    expect(readAtCommandLine('/dev/zero', null).problems).toEqual(['/dev/zero: is longer than 4 MiB']);
    writeFileSync(
      join(folder, 'keys.yml'),
      'machines:\n- {name: a, host: h, user: root, private_key_file: /dev/zero}\n',
    );
    expect(readAtCommandLine(join(folder, 'keys.yml'), null).problems[0]).toContain(
      'private_key_file: /dev/zero is longer than',
    );
  });
});
