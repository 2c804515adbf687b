import { writeFile } from 'node:fs/promises';
import { runProcess } from '#core/runtime/run-process.ts';
import { wire } from '#core/runtime/wire.ts';
import { startScheduler } from './loop.ts';

/** The scheduler alone. Any number of them may run on one database. */
await runProcess(async (config, log) => {
  const berth = await wire(config, log);
  const { upkeep } = berth;
  const file = config.heartbeatFile;
  const beat = async (now: Date): Promise<void> => {
    await upkeep.beat(now);
    // The beat in the database is of whichever scheduler was last; the file is this one's own.
    if (file !== null) await writeFile(file, now.toISOString());
  };
  const scheduler = startScheduler({ ...upkeep, beat }, berth.clock, log);
  return {
    message: 'scheduler is at work',
    async stop() {
      await scheduler.stop();
      await berth.close();
    },
  };
});
