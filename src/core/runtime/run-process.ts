import type { Logger } from 'pino';
import { type Config, readConfig, SettingError } from './config.ts';
import { createLog } from './log.ts';

/** Ends what a process does: first what came in last. */
export type Stop = () => Promise<void>;

/**
 * Runs one process of Berth: reads the settings, starts, and on SIGTERM or SIGINT stops in order. A second signal ends it at
 * once. A wrong setting, or a start that fails, is one line on standard error and exit code 1.
 */
export async function runProcess(start: (config: Config, log: Logger) => Promise<Stop>): Promise<void> {
  let stop: Stop;
  let log: Logger;
  try {
    const config = readConfig(process.env);
    log = createLog(config.logLevel);
    stop = await start(config, log);
  } catch (error) {
    process.stderr.write(`berth: ${startProblem(error)}\n`);
    process.exit(1);
  }
  let stopping = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stopping) process.exit(1);
    stopping = true;
    log.info({ signal }, 'stopping');
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, 'stopping failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}

function startProblem(error: unknown): string {
  if (error instanceof SettingError) return error.message;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') return 'PORT: another program listens there already; choose another port';
  if (code === 'EACCES') return `no permission: ${message}`;
  return message ?? String(error);
}
