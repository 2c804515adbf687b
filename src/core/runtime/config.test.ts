import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig, SettingError } from './config.ts';

const LONG = 's'.repeat(32);

describe('the settings', () => {
  it('have defaults that are safe on one machine', () => {
    const defaults = {
      development: false,
      host: '127.0.0.1',
      port: 8080,
      webConcurrency: 1,
      dataDir: resolve('data'),
      database: { dialect: 'sqlite', file: resolve('data/berth.sqlite') },
      dbConnectMaxRetries: 30,
      dbConnectRetrySeconds: 2,
      jwtSecret: null,
      jwtExpiresMinutes: 60,
      secretKey: null,
      oldSecretKeys: [],
      adminDefaultUsername: 'admin',
      adminDefaultPassword: 'change-me',
      passwordRules: { minLength: 12, enforced: false },
      logLevel: 'info',
      metricsToken: null,
      trustedProxies: [],
      machineNetworks: [],
      webTerminal: true,
      verifyEveryHours: 24,
      heartbeatFile: null,
      accessDriver: 'ssh',
      accessPlaybooksDir: null,
      accessPlaybookLimitSeconds: 60,
      auditRetentionDays: null,
      oidc: null,
    };
    expect(readConfig({})).toEqual(defaults);
    const empty = Object.fromEntries(
      ['HOST', 'PORT', 'DATABASE_URL', 'DATABASE_URL_FILE', 'JWT_SECRET', 'LOG_LEVEL'].map((name) => [name, '']),
    );
    expect(readConfig(empty), 'empty counts as unset').toEqual(defaults);
  });

  it.each([
    ['on this machine alone', {}, false],
    ['in development', { BERTH_ENV: 'development', HOST: '0.0.0.0' }, false],
    ['where others can connect', { JWT_SECRET: LONG, ADMIN_DEFAULT_PASSWORD: 'another-one', HOST: '0.0.0.0' }, true],
    ['behind a proxy on this machine', { BERTH_TRUSTED_PROXIES: '127.0.0.1' }, true],
    ['behind a proxy in development', { BERTH_ENV: 'development', BERTH_TRUSTED_PROXIES: '127.0.0.1' }, false],
    ['when told so', { PASSWORD_RULES: 'enforce' }, true],
    [
      'when told not to',
      { JWT_SECRET: LONG, ADMIN_DEFAULT_PASSWORD: 'another-one', HOST: '0.0.0.0', PASSWORD_RULES: 'warn' },
      false,
    ],
  ])('enforce the rules for passwords, or not, %s', (_, env, enforced) => {
    expect(readConfig(env).passwordRules).toEqual({ minLength: 12, enforced });
  });

  it.each([
    [
      'mysql+pymysql://appuser:apppass@db:3306/containers?charset=utf8mb4',
      'db',
      3306,
      'appuser',
      'apppass',
      'containers',
    ],
    ['mariadb://u:p@10.0.0.5/berth', '10.0.0.5', 3306, 'u', 'p', 'berth'],
    ['mysql://u@[::1]:3307/berth', '::1', 3307, 'u', '', 'berth'],
    ['mysql://u:p%40ss%2F%3A%25@db/berth', 'db', 3306, 'u', 'p@ss/:%', 'berth'],
  ])('read DATABASE_URL %s', (url, host, port, user, password, database) => {
    const expected = { dialect: 'mariadb', host, port, user, password, database };
    expect(readConfig({ DATABASE_URL: url }).database).toEqual(expected);
  });

  it.each([
    ['sqlite:////var/lib/berth/db.sqlite', '/var/lib/berth/db.sqlite'],
    ['sqlite:///here.sqlite', resolve('here.sqlite')],
    ['sqlite:////srv/db.sqlite?timeout=5', '/srv/db.sqlite'],
  ])('read DATABASE_URL %s', (url, file) => {
    expect(readConfig({ DATABASE_URL: url }).database).toEqual({ dialect: 'sqlite', file });
  });

  it.each([
    ['INFO', 'info'],
    ['Warning', 'warn'],
    ['CRITICAL', 'fatal'],
    ['debug', 'debug'],
  ])('read LOG_LEVEL %s as Python does', (given, level) => {
    expect(readConfig({ LOG_LEVEL: given }).logLevel).toBe(level);
  });

  it('read the key in base64, URL-safe base64 and hex, and lists of proxies', () => {
    const key = Buffer.from(Array.from({ length: 32 }, (_, i) => 255 - i));
    for (const coding of ['base64', 'base64url', 'hex'] as const) {
      expect(readConfig({ BERTH_SECRET_KEY: key.toString(coding) }).secretKey).toEqual(key);
    }
    const keys = `${key.toString('hex')}, ${key.toString('base64')}`;
    expect(readConfig({ BERTH_SECRET_KEYS_OLD: keys }).oldSecretKeys).toEqual([key, key]);
    const { trustedProxies } = readConfig({ BERTH_TRUSTED_PROXIES: '10.0.0.1, 172.16.0.0/12, ,fd00::/8,' });
    expect(trustedProxies).toEqual(['10.0.0.1', '172.16.0.0/12', 'fd00::/8']);
    readConfig({ WEB_PRELOAD_APP: 'true', ACCESS_DRIVER: 'SSH' });
    const { accessDriver, accessPlaybooksDir } = readConfig({
      ACCESS_DRIVER: 'Ansible',
      ACCESS_PLAYBOOKS_DIR: 'books',
    });
    expect([accessDriver, accessPlaybooksDir]).toEqual(['ansible', resolve('books')]);
  });
});

const WITH_PROVIDER = {
  OIDC_ISSUER: 'https://id.example.org',
  OIDC_CLIENT_ID: 'berth',
  OIDC_CLIENT_SECRET: 'a secret',
  BERTH_PUBLIC_URL: 'https://berth.example.org',
};

/** The one line that the start would end with. */
function problemOf(env: Record<string, string>): string {
  try {
    readConfig(env);
  } catch (error) {
    expect(error).toBeInstanceOf(SettingError);
    return (error as SettingError).message;
  }
  return '';
}

it('the identity provider has settings of its own, all of them right', () => {
  expect(readConfig(WITH_PROVIDER).oidc).toMatchObject({
    issuer: 'https://id.example.org',
    redirectUri: 'https://berth.example.org/api/oidc/callback',
  });
  for (const missing of ['OIDC_CLIENT_ID', 'OIDC_CLIENT_SECRET', 'BERTH_PUBLIC_URL']) {
    expect(problemOf({ ...WITH_PROVIDER, [missing]: '' })).toMatch(new RegExp(`^${missing}: `));
  }
});

describe('a bad setting', () => {
  it.each([
    ...['0x50', '-1', '65536', '80.5', 'http', '1e3'].map((value) => ['PORT', value]),
    ...['0', '65', 'two'].map((value) => ['WEB_CONCURRENCY', value]),
    ...['-1', 'many'].map((value) => ['DB_CONNECT_MAX_RETRIES', value]),
    ['DB_CONNECT_RETRY_SECONDS', '0.5'],
    ...['0', '1441', 'hour'].map((value) => ['JWT_EXPIRES_MINUTES', value]),
    ['JWT_SECRET', 's'.repeat(31)],
    ['LOG_LEVEL', 'loud'],
    ['BERTH_ENV', 'staging'],
    ['ACCESS_DRIVER', 'telnet'],
    ...['29', '3601', 'long'].map((value) => ['ACCESS_PLAYBOOK_LIMIT_SECONDS', value]),
    ...['root', 'Admin', 'scheduler', 'a b'].map((value) => ['ADMIN_DEFAULT_USERNAME', value]),
    ...['a\u0001b', 'p'.repeat(1025)].map((value) => ['ADMIN_DEFAULT_PASSWORD', value]),
    ...['passphrase', 'this is a pass phrase that is long enough..', `${'a'.repeat(42)}`, 'f'.repeat(63)].map(
      (value) => ['BERTH_SECRET_KEY', value],
    ),
    ...['http://id.example.org', 'id.example.org', 'ftp://id.example.org'].map((value) => ['OIDC_ISSUER', value]),
    ...['http://berth.example.org', 'https://berth.example.org/below', 'berth'].map((value) => [
      'BERTH_PUBLIC_URL',
      value,
    ]),
    ['OIDC_SCOPES', 'profile'],
    ['BERTH_SECRET_KEYS_OLD', 'passphrase'],
    ['BERTH_SECRET_KEYS_OLD', `${'ab'.repeat(32)},${'f'.repeat(63)}`],
    ...['proxy', '10.0.0.0/33', '10.0.0.0/8/8', '10.0.0.0/0', '10.0.0.0/', 'fd00::/129', '*'].map((value) => [
      'BERTH_TRUSTED_PROXIES',
      value,
    ]),
    ...[
      'postgres://u:p@db/x',
      'mysql://db/x',
      'mysql://u:p@db',
      'mysql://u:p@db/a/b',
      'mysql://u:p@db:port/x',
      'mysql://u:50%@db/x',
      'mysql://',
      'sqlite://',
      'sqlite:///',
      'berth.sqlite',
    ].map((value) => ['DATABASE_URL', value]),
  ] as [string, string][])('%s=%s is named in one line', (name, value) => {
    const problem = problemOf({ ...(/OIDC|PUBLIC_URL/.test(name) && WITH_PROVIDER), [name]: value });
    expect(problem).toMatch(new RegExp(`^${name}: \\S[^\\n]+$`));
    if (/SECRET|PASSWORD/.test(name)) expect(problem, 'secrets stay secret').not.toContain(value);
    expect(problem).not.toContain('@db');
  });
});

describe('a secret', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'berth-test-'));
    writeFileSync(join(folder, 'secret'), `${LONG}\n`);
    writeFileSync(join(folder, 'url'), 'mysql://u:p@db/berth\n');
    writeFileSync(join(folder, 'key'), `${'ab'.repeat(32)}\n`);
    writeFileSync(join(folder, 'empty'), '\n');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('may come from a file', () => {
    const config = readConfig({
      JWT_SECRET_FILE: join(folder, 'secret'),
      ADMIN_DEFAULT_PASSWORD_FILE: join(folder, 'secret'),
      METRICS_TOKEN_FILE: join(folder, 'secret'),
      BERTH_SECRET_KEY_FILE: join(folder, 'key'),
      DATABASE_URL_FILE: join(folder, 'url'),
    });
    expect(config).toMatchObject({
      jwtSecret: LONG,
      adminDefaultPassword: LONG,
      metricsToken: LONG,
      secretKey: Buffer.alloc(32, 0xab),
      database: { host: 'db', database: 'berth' },
    });
  });

  it.each(['JWT_SECRET', 'BERTH_SECRET_KEY', 'ADMIN_DEFAULT_PASSWORD', 'DATABASE_URL', 'METRICS_TOKEN'])(
    '%s may not come from both, nor from a file that is empty or not there',
    (name) => {
      const both = problemOf({ [name]: LONG, [`${name}_FILE`]: join(folder, 'secret') });
      expect(both).toContain(`${name}: set either`);
      expect(problemOf({ [`${name}_FILE`]: join(folder, 'empty') })).toContain(`${name}_FILE: `);
      expect(problemOf({ [`${name}_FILE`]: join(folder, 'nowhere') })).toContain(`${name}_FILE: `);
      expect(problemOf({ [`${name}_FILE`]: folder })).toContain(`${name}_FILE: `);
    },
  );
});

describe('a server that others can reach', () => {
  const safe = { JWT_SECRET: LONG, ADMIN_DEFAULT_PASSWORD: 'another-one' };

  it.each(['0.0.0.0', '::', '192.168.1.5', 'berth.example.org', '127.0.0.1.example.org'])(
    'on %s needs a set secret and its own admin password',
    (HOST) => {
      expect(problemOf({ ...safe, HOST })).toBe('');
      expect(problemOf({ ...safe, HOST, JWT_SECRET: '' })).toMatch(/^JWT_SECRET: [^\n]+$/);
      expect(problemOf({ ...safe, HOST, ADMIN_DEFAULT_PASSWORD: '' })).toMatch(/^ADMIN_DEFAULT_PASSWORD: [^\n]+$/);
      expect(problemOf({ ...safe, HOST, ADMIN_DEFAULT_PASSWORD: 'change-me' })).toMatch(/^ADMIN_DEFAULT_PASSWORD: /);
      const shipped = 'mysql://berth:berth-development@db/berth';
      expect(problemOf({ ...safe, HOST, DATABASE_URL: shipped })).toMatch(/^DATABASE_URL: choose another password/);
      expect(problemOf({ ...safe, HOST, DATABASE_URL: 'mysql://berth:another@db/berth' })).toBe('');
      expect(problemOf({ HOST, BERTH_ENV: 'development', DATABASE_URL: shipped })).toBe('');
    },
  );

  it.each(['127.0.0.1', '127.8.0.1', '::1', 'localhost'])('is not what listens on %s', (HOST) => {
    expect(problemOf({ HOST })).toBe('');
  });
});
