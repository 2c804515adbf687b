import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';

/** What a process that logs `calls` prints, one object per line. */
function printed(level: string, calls: string): Record<string, unknown>[] {
  const program = `import { createLog } from '#core/runtime/log.ts'; const log = createLog('${level}'); ${calls}`;
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8' });
  return output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

it('prints JSON lines from its level on', () => {
  expect(printed('warn', `log.info('quiet'); log.warn({ machine: 'm1' }, 'loud');`)).toMatchObject([
    { level: 40, machine: 'm1', msg: 'loud' },
  ]);
});

it('blots out secrets at several depths, and only them', () => {
  const names = ['password', 'reservation_password', 'credential', 'private_key', 'token', 'authorization'];
  const calls = names.map(
    (name) =>
      `log.info({ ${name}: 'SECRET', a: { ${name}: 'SECRET', b: { ${name}: ['SECRET'], c: { ${name}: 'SECRET', seen: 'plain' } } } });`,
  );
  const lines = printed('info', calls.join('\n'));
  expect(lines).toHaveLength(names.length);
  expect(JSON.stringify(lines)).not.toContain('SECRET');
  expect(JSON.stringify(lines).match(/\[secret\]/g)).toHaveLength(names.length * 4);
  for (const line of lines) expect(line).toMatchObject({ a: { b: { c: { seen: 'plain' } } } });
});

it('leaves out the statement that a database error carries', () => {
  const calls = `log.error({ err: Object.assign(new Error('too long'), { code: 'ER_DATA_TOO_LONG', sql: "insert 'SECRET'" }) });`;
  const [line] = printed('info', calls);
  expect(line).toMatchObject({ err: { message: 'too long', code: 'ER_DATA_TOO_LONG', sql: '[secret]' } });
});
