import { parseArgs } from 'node:util';
import { Refusal } from '#core/domain/refusal.ts';
import { type Config, readConfig, SettingError } from '#core/runtime/config.ts';
import type { AuditVerification } from './audit.ts';
import { Problem } from './problem.ts';

const USAGE = `berth-admin works on Berth's database and settings, where the servers have them.

  doctor [--machine NAME] [--json]
                                  what keeps Berth from working, and what to do; exit code 1 if a check failed
  backup FILE                     all that the database holds, consistent, while the servers run (- for standard output)
  restore FILE [--replace [--yes]]
                                  a backup into an empty database, or in the place of what is there (- for standard input)
  reset-password USER [--password-stdin | --generate] [--admin] [--second-factor]
                                  a new password; with --admin also the rights of an admin, if no admin is left; with
                                  --second-factor no code is asked for any more
  rotate-key [--new-file]         seals the machines' credentials with the key of today, or with a new kept key
  audit verify [--head NUMBER:HASH] [--file FILE]
                                  whether the audit log (or an export of it) is whole; exit code 1 if it is not
  audit head                      where the audit log ends, to be noted elsewhere
  audit export FILE               the audit log as lines of JSON that can be verified (- for standard output)

It reads the same settings as the servers; docs/operations-commands.md tells more.
`;

process.exitCode = await main(process.argv.slice(2));

async function main(args: string[]): Promise<number> {
  try {
    return (await run(args)) ? 0 : 1;
  } catch (error) {
    process.stderr.write(`berth-admin: ${wordsFor(error)}\n`);
    return error instanceof Problem ? error.exitCode : 1;
  }
}

/** False when a check-up found something that fails. */
async function run([command, ...args]: string[]): Promise<boolean> {
  const config = () => readConfig(process.env);
  switch (command) {
    case 'doctor': {
      const { machine, json } = read(args, [], { machine: 'string', json: 'boolean' });
      const { doctor } = await import('./doctor.ts');
      return await doctor(process.env, machine as string | undefined, json === true);
    }
    case 'backup': {
      const { target } = read(args, ['target'], {});
      const { backup } = await import('./backup.ts');
      await backup(config(), target as string);
      return true;
    }
    case 'restore': {
      const { source, replace, yes } = read(args, ['source'], { replace: 'boolean', yes: 'boolean' });
      const { restore } = await import('./restore.ts');
      await restore(config(), { source: source as string, replace: replace === true, yes: yes === true });
      return true;
    }
    case 'reset-password': {
      const options = {
        'password-stdin': 'boolean',
        generate: 'boolean',
        admin: 'boolean',
        'second-factor': 'boolean',
      } as const;
      const given = read(args, ['username'], options);
      if (given['password-stdin'] && given['generate']) {
        throw new Problem('choose one of --password-stdin and --generate', 2);
      }
      const { resetPassword } = await import('./reset-password.ts');
      await resetPassword(config(), {
        username: given['username'] as string,
        from: given['password-stdin'] ? 'stdin' : given['generate'] ? 'generate' : 'prompt',
        makeAdmin: given['admin'] === true,
        removeSecondFactor: given['second-factor'] === true,
      });
      return true;
    }
    case 'rotate-key': {
      const given = read(args, [], { 'new-file': 'boolean' });
      const { rotateKey } = await import('./rotate-key.ts');
      await rotateKey(config(), given['new-file'] === true);
      return true;
    }
    case 'audit':
      return await runAudit(config(), args);
    case 'help':
    case '--help':
    case '-h':
      process.stdout.write(USAGE);
      return true;
    default:
      throw new Problem(
        `${command === undefined ? 'no command was given' : `there is no command "${command}"`}\n\n${USAGE}`,
        2,
      );
  }
}

async function runAudit(config: Config, [command, ...args]: string[]): Promise<boolean> {
  const { auditExport, auditHead, auditVerify } = await import('./audit.ts');
  switch (command) {
    case 'verify':
      return await auditVerify(config, read(args, [], { head: 'string', file: 'string' }) as AuditVerification);
    case 'head':
      read(args, [], {});
      await auditHead(config);
      return true;
    case 'export':
      await auditExport(config, read(args, ['target'], {})['target'] as string);
      return true;
    default:
      throw new Problem(`audit: say verify, head or export\n\n${USAGE}`, 2);
  }
}

/** The named positional arguments and the options. @throws Problem for one too many, one missing, or one unknown. */
function read(
  args: string[],
  positions: readonly string[],
  options: Readonly<Record<string, 'boolean' | 'string'>>,
): Record<string, string | boolean | undefined> {
  try {
    const types = Object.fromEntries(Object.entries(options).map(([name, type]) => [name, { type }]));
    const { values, positionals } = parseArgs({ args, options: types, allowPositionals: true });
    if (positionals.length !== positions.length) {
      throw new Problem(`this command takes ${positions.length} argument(s), not ${positionals.length}\n\n${USAGE}`, 2);
    }
    return { ...values, ...Object.fromEntries(positions.map((name, i) => [name, positionals[i]])) } as Record<
      string,
      string | boolean | undefined
    >;
  } catch (error) {
    if (error instanceof Problem) throw error;
    // Not what was given: it may be a password in the wrong place.
    throw new Problem(`an option is unknown or has no value\n\n${USAGE}`, 2);
  }
}

function wordsFor(error: unknown): string {
  if (error instanceof Problem || error instanceof SettingError || error instanceof Refusal) return error.message;
  const { code, message } = error as NodeJS.ErrnoException;
  return [code, message].filter(Boolean).join(': ');
}
