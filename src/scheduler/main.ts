import { runProcess } from '#core/runtime/run-process.ts';
import { wire } from '#core/runtime/wire.ts';
import { startScheduler } from './loop.ts';

/** The scheduler alone. Any number of them may run on one database. */
await runProcess(async (config, log) => {
  const berth = await wire(config, log);
  const scheduler = startScheduler(berth.upkeep, berth.clock, log);
  log.info('scheduler is at work');
  return async () => {
    await scheduler.stop();
    await berth.close();
  };
});
