import { type Logger, pino } from 'pino';

const SECRET_FIELDS = [
  'password',
  'reservation_password',
  'passwordHash',
  'adminDefaultPassword',
  'credential',
  'private_key',
  'privateKey',
  'token',
  'access_token',
  'metricsToken',
  'authorization',
  'jwtSecret',
  'secretKey',
  // MariaDB's driver hangs the whole statement, values included, onto its errors.
  'sql',
];

/** JSON lines on standard output; fields that hold secrets are blotted out wherever they turn up, up to four levels deep. */
export function createLog(level: string): Logger {
  const paths = SECRET_FIELDS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`, `*.*.*.${name}`]);
  return pino({ level, redact: { paths, censor: '[secret]' } });
}
