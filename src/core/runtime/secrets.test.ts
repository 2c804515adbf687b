import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { race } from '../../../test/accounts/race.ts';
import { readConfig, SettingError } from './config.ts';
import { keptSecret, resolveSecrets } from './secrets.ts';

let parent: string;
let folder: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'berth-test-'));
  folder = join(parent, 'data');
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

describe('a kept secret', () => {
  it('is made once, for its owner only, and is the same ever after', () => {
    const secret = keptSecret(folder, 'jwt-secret');
    expect(secret).toHaveLength(32);
    expect(keptSecret(folder, 'jwt-secret')).toEqual(secret);
    expect(keptSecret(folder, 'secret-key')).not.toEqual(secret);
    expect(statSync(join(folder, 'jwt-secret')).mode & 0o777).toBe(0o600);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(readdirSync(folder).sort()).toEqual(['jwt-secret', 'secret-key']);
  });

  it('is the same for processes that ask for it at the same moment', async () => {
    for (let round = 0; round < 2; round++) {
      const name = `secret-${round}`;
      const answers = await race(
        6,
        `import { keptSecret } from '#core/runtime/secrets.ts';`,
        `async () => keptSecret(${JSON.stringify(folder)}, '${name}').toString('base64')`,
      );
      expect(new Set(answers)).toEqual(new Set([readFileSync(join(folder, name), 'utf8').trim()]));
    }
    expect(readdirSync(folder).sort()).toEqual(['secret-0', 'secret-1']);
  });

  it.each([
    ['empty', ''],
    ['short', Buffer.alloc(31, 1).toString('base64')],
    ['cut off', Buffer.alloc(32, 1).toString('base64').slice(0, -1)],
    ['no base64', `${Buffer.alloc(32, 1).toString('base64')}!`],
  ])('is refused, and left as it is, when its file is %s', (_, content) => {
    keptSecret(folder, 'jwt-secret');
    const file = join(folder, 'jwt-secret');
    writeFileSync(file, content);
    expect(() => keptSecret(folder, 'jwt-secret')).toThrow(SettingError);
    expect(() => keptSecret(folder, 'jwt-secret')).toThrow(file);
    expect(readFileSync(file, 'utf8')).toBe(content);
  });

  it.each([0o640, 0o604, 0o660])('is refused when others can read or write its file (mode %o)', (mode) => {
    keptSecret(folder, 'jwt-secret');
    chmodSync(join(folder, 'jwt-secret'), mode);
    expect(() => keptSecret(folder, 'jwt-secret')).toThrow(/chmod 600/);
  });

  it('names the setting when its folder cannot be made', () => {
    writeFileSync(folder, 'a file');
    expect(() => keptSecret(folder, 'jwt-secret')).toThrow(/^BERTH_DATA_DIR: /);
  });
});

describe('the secrets of a process', () => {
  const key = Buffer.alloc(32, 5);

  it('are those that were set, and nothing is written', () => {
    const config = readConfig({
      BERTH_DATA_DIR: folder,
      JWT_SECRET: 's'.repeat(32),
      BERTH_SECRET_KEY: key.toString('base64'),
    });
    expect(resolveSecrets(config)).toEqual({
      jwtSecret: Buffer.from('s'.repeat(32)),
      secretKey: key,
      oldSecretKeys: [],
    });
    expect(readdirSync(parent)).toEqual([]);
  });

  it('are made where none were set', () => {
    const config = readConfig({ BERTH_DATA_DIR: folder });
    expect(resolveSecrets(config)).toEqual(resolveSecrets(config));
    expect(readdirSync(folder).sort()).toEqual(['jwt-secret', 'secret-key']);
  });

  it('need a set key on MariaDB, which several processes share', () => {
    const shared = { BERTH_DATA_DIR: folder, DATABASE_URL: 'mysql://user:password@db/berth' };
    expect(() => resolveSecrets(readConfig(shared))).toThrow(/^BERTH_SECRET_KEY: /);
    resolveSecrets(readConfig({ ...shared, BERTH_ENV: 'development' }));
    const keyed = { ...shared, BERTH_SECRET_KEY: key.toString('hex') };
    expect(() => resolveSecrets(readConfig(keyed))).toThrow(/^JWT_SECRET: /);
    expect(resolveSecrets(readConfig({ ...keyed, JWT_SECRET: 'x'.repeat(32) })).secretKey).toEqual(key);
  });
});
