import type { Logger } from 'pino';
import type { Config } from '#core/runtime/config.ts';
import type { Berth } from '#core/runtime/wire.ts';
import { buildApp } from './app.ts';

/** Answers HTTP on the address of the settings until it is closed; with a folder, also the web page that is in it. */
export async function serve(
  config: Config,
  berth: Berth,
  log: Logger,
  pageFolder?: string,
): Promise<{ address: string; close(): Promise<void> }> {
  const app = await buildApp({
    pool: berth.pool,
    accounts: berth.accounts,
    terminals: berth.terminals,
    clock: berth.clock,
    readiness: berth.readiness,
    registry: berth.metrics.registry,
    logger: log,
    metricsToken: config.metricsToken,
    trustedProxies: config.trustedProxies,
    ...(pageFolder !== undefined && { pageFolder }),
  });
  const address = await app.listen({ host: config.host, port: config.port });
  return { address, close: () => app.close() };
}
