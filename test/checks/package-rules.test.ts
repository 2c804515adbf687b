import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'berth-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What the check says of our lock file with one more package in it. */
function check(more: object): { status: number | null; words: string } {
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'));
  Object.assign(lock.packages, more);
  writeFileSync(join(folder, 'lock.json'), JSON.stringify(lock));
  const { status, stderr } = spawnSync(process.execPath, ['scripts/package-rules.mjs', join(folder, 'lock.json')]);
  return { status, words: String(stderr) };
}
const good = { version: '1.0.0', integrity: 'sha512-x', license: 'MIT' };

it('the packages of the lock file are as they should be', () => {
  expect(check({ 'node_modules/new': good })).toEqual({ status: 0, words: '' });
  expect(check({ 'node_modules/new': { ...good, license: '(GPL-3.0 OR MIT)' } }).status).toBe(0);
});

it.each([
  [{ ...good, license: 'GPL-3.0-only' }, 'its licence (GPL-3.0-only) is not on the list'],
  [{ ...good, license: 'MIT AND SSPL-1.0' }, 'its licence (MIT AND SSPL-1.0) is not on the list'],
  [{ ...good, license: undefined }, 'its licence (none is named) is not on the list'],
  [{ ...good, hasInstallScript: true }, 'it has an install script'],
  [{ ...good, integrity: undefined }, 'it does not come from the registry with a checksum'],
])('a new package is named: %o', (entry, words) => {
  const { status, words: said } = check({ 'node_modules/old/node_modules/@some/new': entry });
  expect(status).toBe(1);
  expect(said).toContain(`@some/new: ${words}`);
});

it('nothing runs scripts of packages when they are installed', () => {
  expect(readFileSync('.npmrc', 'utf8')).toContain('ignore-scripts=true\n');
});
