import { fileURLToPath } from 'node:url';
import { runProcess } from '#core/runtime/run-process.ts';
import { wire } from '#core/runtime/wire.ts';
import { serve } from './api/serve.ts';
import { startScheduler } from './scheduler/loop.ts';

/** The web page, once it is built. */
const PAGE = fileURLToPath(new URL('web/dist/', import.meta.url));

/** All of Berth in one process: API and scheduler, on SQLite unless DATABASE_URL says otherwise. */
await runProcess(async (config, log) => {
  const berth = await wire(config, log);
  await berth.upkeep.beat(berth.clock());
  const scheduler = startScheduler(berth.upkeep, berth.clock, log);
  const server = await serve(config, berth, log, PAGE);
  return {
    message: 'Berth is ready',
    details: { address: server.address, docs: `${server.address}/api/docs`, data: config.dataDir },
    async stop() {
      await server.close();
      await scheduler.stop();
      await berth.close();
    },
  };
});
