import { type Logger, pino } from 'pino';

const SECRET_FIELDS = [
  'password',
  'reservation_password',
  'credential',
  'private_key',
  'privateKey',
  'token',
  'authorization',
  'passwordHash',
];

/** JSON lines on standard output; fields that hold secrets are blotted out wherever they turn up. */
export function createLog(level: string): Logger {
  return pino({
    level,
    redact: { paths: SECRET_FIELDS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: '[secret]' },
  });
}
