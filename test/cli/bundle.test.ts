import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newPerson, type Person, ran } from './berth.ts';

describe('the command line in one file', { timeout: 60_000 }, () => {
  let folder: string;
  let file: string;
  let person: Person;

  beforeAll(() => {
    execFileSync(process.execPath, ['scripts/bundle-cli.ts'], { stdio: 'ignore' });
    // Away from node_modules and from the sources.
    folder = mkdtempSync(join(tmpdir(), 'berth-bundle-'));
    file = join(folder, 'berth.mjs');
    copyFileSync('dist/berth.mjs', file);
    person = newPerson();
  });
  afterAll(() => {
    person.leave();
    rmSync(folder, { recursive: true });
  });

  it('can be run by itself', async () => {
    expect(statSync(file).mode & 0o111).toBe(0o111);
    const version = await ran(person.start(file, ['--version']));
    expect(version).toMatchObject({ code: 0, stderr: '' });
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    const env = { BERTH_SERVER: 'http://127.0.0.1:1', BERTH_TOKEN: 'x' };
    expect(await ran(person.start(file, ['available'], env))).toMatchObject({ code: 5 });
    expect(await ran(person.start(file, ['machines', 'register', 'nowhere.yml'], env))).toMatchObject({ code: 2 });
  });
});
