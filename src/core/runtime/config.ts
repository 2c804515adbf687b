import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import type { OidcSettings } from '#core/accounts/oidc/settings.ts';
import type { PasswordRules } from '#core/accounts/password-rules.ts';
import { checkedPassword, checkedUsername, SHIPPED_PASSWORD } from '#core/accounts/sign-in-rules.ts';
import { Refusal } from '#core/domain/refusal.ts';
import type { Database } from '#core/store/dialect.ts';

/** A setting that Berth cannot start with. The message is one line that names the setting and what it takes. */
export class SettingError extends Error {}

/** Settings as the processes use them: read once, at the start. */
export interface Config {
  readonly development: boolean;
  readonly host: string;
  readonly port: number;
  readonly webConcurrency: number;
  readonly dataDir: string;
  readonly database: Database;
  readonly dbConnectMaxRetries: number;
  readonly dbConnectRetrySeconds: number;
  /** Null: made once and kept in the data directory. */
  readonly jwtSecret: string | null;
  readonly jwtExpiresMinutes: number;
  /** Null: made once and kept in the data directory. */
  readonly secretKey: Buffer | null;
  /** Keys that open what was sealed before the secret key took their place. */
  readonly oldSecretKeys: readonly Buffer[];
  readonly adminDefaultUsername: string;
  readonly adminDefaultPassword: string;
  readonly passwordRules: PasswordRules;
  /** Null: people sign in with passwords only. */
  readonly oidc: OidcSettings | null;
  readonly logLevel: string;
  /** Null: metrics are for callers on loopback only. */
  readonly metricsToken: string | null;
  /** Addresses and networks of proxies whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[];
  /** Networks that machines may be in; empty for anywhere. */
  readonly machineNetworks: readonly string[];
  /** What reaches the machines. */
  readonly accessDriver: 'ssh' | 'ansible';
  /** A team's own playbooks for the Ansible driver, or null for those that Berth brings. */
  readonly accessPlaybooksDir: string | null;
  /** Longest time for one run of Ansible. */
  readonly accessPlaybookLimitSeconds: number;
  /** File that a scheduler touches whenever it was at work, for a health check beside it. */
  readonly heartbeatFile: string | null;
  /** How long the audit log is kept; null: for good. */
  readonly auditRetentionDays: number | null;
  /** How often each machine is looked through; 0 for never by itself. */
  readonly verifyEveryHours: number;
  /** Whether shells may be opened in the browser. */
  readonly webTerminal: boolean;
}

export const DEFAULT_ADMIN_PASSWORD = SHIPPED_PASSWORD;
/** Of the database in src/docker-compose.yml. */
const DEFAULT_DATABASE_PASSWORD = 'berth-development';
const LEAST_SECRET_LENGTH = 32;
const LOG_LEVELS: Readonly<Record<string, string>> = {
  trace: 'trace',
  debug: 'debug',
  info: 'info',
  warn: 'warn',
  warning: 'warn',
  error: 'error',
  critical: 'fatal',
  fatal: 'fatal',
  silent: 'silent',
};

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws SettingError for the first setting that is wrong, or not safe where the server is to listen. */
export function readConfig(env: Environment): Config {
  const read = reader(env);
  const development = read.oneOf('BERTH_ENV', ['production', 'development'], 'production') === 'development';
  const host = read.text('HOST') ?? '127.0.0.1';
  const dataDir = resolve(read.text('BERTH_DATA_DIR') ?? 'data');
  const trustedProxies = listed(read.text('BERTH_TRUSTED_PROXIES'));
  // A proxy on this machine lets others in as well.
  const forMyself = development || (isLoopback(host) && trustedProxies.length === 0);
  const playbooksDir = read.text('ACCESS_PLAYBOOKS_DIR');
  const config: Config = {
    development,
    host,
    port: read.whole('PORT', 8080, 0, 65_535),
    webConcurrency: read.whole('WEB_CONCURRENCY', 1, 1, 64),
    dataDir,
    database: databaseOf(read.secret('DATABASE_URL'), dataDir),
    dbConnectMaxRetries: read.whole('DB_CONNECT_MAX_RETRIES', 30, 0, 10_000),
    dbConnectRetrySeconds: read.whole('DB_CONNECT_RETRY_SECONDS', 2, 0, 3_600),
    jwtSecret: read.secret('JWT_SECRET'),
    jwtExpiresMinutes: read.whole('JWT_EXPIRES_MINUTES', 60, 1, 1_440),
    secretKey: secretKeyOf('BERTH_SECRET_KEY', read.secret('BERTH_SECRET_KEY')),
    oldSecretKeys: (read.secret('BERTH_SECRET_KEYS_OLD') ?? '')
      .split(/[\s,]+/)
      .flatMap((text) => secretKeyOf('BERTH_SECRET_KEYS_OLD', text || null) ?? []),
    adminDefaultUsername: read.text('ADMIN_DEFAULT_USERNAME') ?? 'admin',
    adminDefaultPassword: read.secret('ADMIN_DEFAULT_PASSWORD') ?? DEFAULT_ADMIN_PASSWORD,
    passwordRules: {
      minLength: read.whole('PASSWORD_MIN_LENGTH', 12, 8, 128),
      enforced: read.oneOf('PASSWORD_RULES', ['enforce', 'warn'], forMyself ? 'warn' : 'enforce') === 'enforce',
    },
    oidc: oidcOf(read),
    logLevel: LOG_LEVELS[read.oneOf('LOG_LEVEL', Object.keys(LOG_LEVELS), 'info')] as string,
    metricsToken: read.secret('METRICS_TOKEN'),
    trustedProxies,
    machineNetworks: listed(read.text('BERTH_MACHINE_NETWORKS')),
    accessDriver: read.oneOf('ACCESS_DRIVER', ['ssh', 'ansible'], 'ssh') === 'ansible' ? 'ansible' : 'ssh',
    accessPlaybooksDir: playbooksDir === undefined ? null : resolve(playbooksDir),
    accessPlaybookLimitSeconds: read.whole('ACCESS_PLAYBOOK_LIMIT_SECONDS', 60, 30, 3_600),
    heartbeatFile: read.text('BERTH_HEARTBEAT_FILE') ?? null,
    auditRetentionDays: read.whole('AUDIT_RETENTION_DAYS', 0, 0, 36_500) || null,
    verifyEveryHours: read.whole('VERIFY_EVERY_HOURS', 24, 0, 720),
    webTerminal: read.oneOf('WEB_TERMINAL', ['true', 'false'], 'true') === 'true',
  };
  underItsName('ADMIN_DEFAULT_USERNAME', () => checkedUsername(config.adminDefaultUsername));
  underItsName('ADMIN_DEFAULT_PASSWORD', () => checkedPassword(config.adminDefaultPassword));
  refuseUnsafe(config);
  return config;
}

/** What is fine on this machine alone is not where others can reach it. */
function refuseUnsafe(config: Config): void {
  if (config.jwtSecret !== null && config.jwtSecret.length < LEAST_SECRET_LENGTH && !config.development) {
    throw new SettingError(
      `JWT_SECRET: at least ${LEAST_SECRET_LENGTH} characters are needed, for example from "openssl rand -base64 48"`,
    );
  }
  for (const [setting, networks] of [
    ['BERTH_TRUSTED_PROXIES', config.trustedProxies],
    ['BERTH_MACHINE_NETWORKS', config.machineNetworks],
  ] as const) {
    const wrong = networks.find((one) => !isAddressOrNetwork(one));
    if (wrong !== undefined) {
      throw new SettingError(
        `${setting}: "${wrong}" is no address or network; write them like 10.0.0.1,172.16.0.0/12,fd00::/8`,
      );
    }
  }
  if (!mustBeSafe(config)) return;
  if (config.jwtSecret === null) {
    throw new SettingError(
      `JWT_SECRET: set it (for example from "openssl rand -base64 48") before the server listens on ${config.host}, or set BERTH_ENV=development`,
    );
  }
  if (config.adminDefaultPassword === DEFAULT_ADMIN_PASSWORD) {
    throw new SettingError(
      `ADMIN_DEFAULT_PASSWORD: choose another one than the shipped "${DEFAULT_ADMIN_PASSWORD}" before the server listens on ${config.host}, or set BERTH_ENV=development`,
    );
  }
  if (config.database.dialect === 'mariadb' && config.database.password === DEFAULT_DATABASE_PASSWORD) {
    throw new SettingError(
      `DATABASE_URL: choose another password than the shipped "${DEFAULT_DATABASE_PASSWORD}" (MARIADB_PASSWORD in src/.env), or set BERTH_ENV=development`,
    );
  }
}

/** Whether others than this machine can connect, outside of development. */
export function mustBeSafe(config: Pick<Config, 'development' | 'host'>): boolean {
  return !config.development && !isLoopback(config.host);
}

/** All settings of the identity provider, or null without OIDC_ISSUER. */
function oidcOf(read: ReturnType<typeof reader>): OidcSettings | null {
  const issuer = read.text('OIDC_ISSUER');
  const clientSecret = read.secret('OIDC_CLIENT_SECRET');
  if (issuer === undefined) return null;
  const needed = (name: string, value: string | null | undefined): string => {
    if (value) return value;
    throw new SettingError(`${name}: it is needed together with OIDC_ISSUER`);
  };
  const publicUrl = needed('BERTH_PUBLIC_URL', read.text('BERTH_PUBLIC_URL'));
  checkAddress('OIDC_ISSUER', issuer);
  checkAddress('BERTH_PUBLIC_URL', publicUrl);
  if (new URL(publicUrl).href !== `${new URL(publicUrl).origin}/`) {
    throw new SettingError('BERTH_PUBLIC_URL: write scheme and host only, like https://berth.example.org');
  }
  const scopes = read.text('OIDC_SCOPES') ?? 'openid profile';
  if (!scopes.split(/\s+/).includes('openid')) throw new SettingError('OIDC_SCOPES: "openid" has to be among them');
  return {
    issuer,
    clientId: needed('OIDC_CLIENT_ID', read.text('OIDC_CLIENT_ID')),
    clientSecret: needed('OIDC_CLIENT_SECRET', clientSecret),
    scopes,
    usernameClaim: read.text('OIDC_USERNAME_CLAIM') ?? 'preferred_username',
    groupsClaim: read.text('OIDC_GROUPS_CLAIM') ?? 'groups',
    adminGroup: read.text('OIDC_ADMIN_GROUP') ?? null,
    name: read.text('OIDC_NAME') ?? 'Sign in with your organisation',
    redirectUri: new URL('/api/oidc/callback', publicUrl).href,
  };
}

/** HTTPS, or HTTP where nothing leaves this machine. */
function checkAddress(setting: string, text: string): void {
  const url = URL.canParse(text) ? new URL(text) : null;
  const plainAllowed = url?.protocol === 'http:' && isLoopback(url.hostname.replace(/^\[|\]$/g, ''));
  const unfit = url === null || url.username !== '' || url.password !== '';
  if (unfit || (url.protocol !== 'https:' && !plainAllowed)) {
    throw new SettingError(`${setting}: an https:// address is needed (http:// only for this machine itself)`);
  }
}

function listed(text: string | undefined): string[] {
  return (text ?? '').split(/[\s,]+/).filter((part) => part !== '');
}

function isAddressOrNetwork(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/');
  const version = isIP(address);
  if (version === 0 || more.length > 0) return false;
  return bits === undefined || (/^[1-9]\d{0,2}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

/** A setting that breaks a rule for users is refused in its own name. */
function underItsName(setting: string, check: () => void): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new SettingError(`${setting}: ${error.message.replace(/^\w+: /, '')}`);
  }
}

/** Whether only programs on this machine can reach a server that listens on `host`. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

function databaseOf(url: string | null, dataDir: string): Database {
  if (url === null) return { dialect: 'sqlite', file: resolve(dataDir, 'berth.sqlite') };
  const wrong = new SettingError(
    'DATABASE_URL: write it like mysql://user:password@host:3306/database (also mariadb:// or mysql+pymysql://) or sqlite:///path/to/file',
  );
  const file = /^sqlite:\/\/\/([^?]+)/.exec(url)?.[1];
  if (file !== undefined) return { dialect: 'sqlite', file: resolve(file) };
  const rest = /^(?:mysql|mariadb)(?:\+[a-z0-9]+)?:(\/\/.+)$/.exec(url)?.[1];
  if (rest === undefined || !URL.canParse(`mysql:${rest}`)) throw wrong;
  const parsed = new URL(`mysql:${rest}`);
  const database = parsed.pathname.slice(1);
  if (!parsed.hostname || !parsed.username || !/^[A-Za-z0-9_$-]+$/.test(database)) throw wrong;
  return {
    dialect: 'mariadb',
    host: parsed.hostname.replace(/^\[|\]$/g, ''),
    port: parsed.port === '' ? 3306 : Number(parsed.port),
    user: decoded(parsed.username, wrong),
    password: decoded(parsed.password, wrong),
    database,
  };
}

/** Undoes percent-encoding; a stray percent sign is `wrong`. */
function decoded(text: string, wrong: SettingError): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong;
  }
}

function secretKeyOf(name: string, text: string | null): Buffer | null {
  if (text === null) return null;
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex');
  // Node reads anything as base64 and skips what is none; a passphrase or a typing error must not become a weak key.
  if (/^[\w+/-]{43}=?$/.test(text)) return Buffer.from(text, 'base64');
  throw new SettingError(`${name}: 32 bytes in base64 or hex are needed, for example from "openssl rand -base64 32"`);
}

/** Reads single settings. An empty one counts as unset. */
function reader(env: Environment) {
  const text = (name: string): string | undefined => env[name]?.trim() || undefined;
  return {
    text,
    /** From NAME, or from the file that NAME_FILE names. */
    secret(name: string): string | null {
      const file = text(`${name}_FILE`);
      const given = text(name);
      if (file === undefined) return given ?? null;
      if (given !== undefined) throw new SettingError(`${name}: set either ${name} or ${name}_FILE, not both`);
      let content: string;
      try {
        content = readFileSync(file, 'utf8').trim();
      } catch (error) {
        throw new SettingError(
          `${name}_FILE: the file cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`,
        );
      }
      if (content === '') throw new SettingError(`${name}_FILE: the file is empty`);
      return content;
    },
    whole(name: string, otherwise: number, least: number, most: number): number {
      const value = text(name);
      if (value === undefined) return otherwise;
      const number = Number(value);
      if (!/^\d+$/.test(value) || number < least || number > most) {
        throw new SettingError(`${name}: a whole number from ${least} to ${most} is needed`);
      }
      return number;
    },
    oneOf(name: string, choices: readonly string[], otherwise: string): string {
      const value = text(name)?.toLowerCase() ?? otherwise;
      if (!choices.includes(value)) throw new SettingError(`${name}: one of ${choices.join(', ')} is needed`);
      return value;
    },
  };
}
