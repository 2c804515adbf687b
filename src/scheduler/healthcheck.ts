// Ends with 0 when the scheduler of this container was at work a moment ago, else with 1 and why on standard error.
import { statSync } from 'node:fs';

/** The scheduler renews its sign every two seconds; it takes longer while the database is slow or away. */
const SILENT_MS = 15_000;
const file = process.env['BERTH_HEARTBEAT_FILE'];

try {
  if (!file) throw new Error('BERTH_HEARTBEAT_FILE is not set');
  const silentMs = Date.now() - statSync(file).mtimeMs;
  if (silentMs > SILENT_MS) throw new Error(`${file}: no sign of the scheduler for ${Math.round(silentMs / 1000)} s`);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
