import type { Logger } from 'pino';
import { type Config, readConfig, SettingError } from './config.ts';
import { createLog } from './log.ts';

/** What a process does once it has started. */
export interface Running {
  /** Logged as soon as a signal stops the process in order: whoever reads it may send one. */
  readonly message: string;
  readonly details?: Record<string, unknown>;
  /** Ends what the process does: first what came in last. */
  stop(): Promise<void>;
}

/**
 * Runs one process of Berth: reads the settings, starts, and on SIGTERM or SIGINT stops in order. A second signal ends it at
 * once. A wrong setting, or a start that fails, is one line on standard error and exit code 1.
 */
export async function runProcess(start: (config: Config, log: Logger) => Promise<Running>): Promise<void> {
  let running: Running;
  let log: Logger;
  try {
    const config = readConfig(process.env);
    log = createLog(config.logLevel);
    running = await start(config, log);
  } catch (error) {
    process.stderr.write(`berth: ${startProblem(error)}\n`);
    process.exit(1);
  }
  let stopping = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stopping) process.exit(1);
    stopping = true;
    log.info({ signal }, 'stopping');
    running.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, 'stopping failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  log.info(running.details ?? {}, running.message);
}

function startProblem(error: unknown): string {
  if (error instanceof SettingError) return error.message;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') return 'PORT: another program listens there already; choose another port';
  if (code === 'EACCES') return `no permission: ${message}`;
  return message ?? String(error);
}
