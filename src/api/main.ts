import cluster from 'node:cluster';
import { runProcess } from '#core/runtime/run-process.ts';
import { wire } from '#core/runtime/wire.ts';
import { serve } from './serve.ts';

/** The API alone. WEB_CONCURRENCY of them share the port, each a process of its own. */
await runProcess(async (config, log) => {
  if (cluster.isPrimary && config.webConcurrency > 1) {
    let stopping = false;
    for (let i = 0; i < config.webConcurrency; i++) cluster.fork();
    cluster.on('exit', (worker, code) => {
      if (stopping) return;
      // A worker that could not even start would fail again at once.
      if (code === 1) process.exit(1);
      log.error({ pid: worker.process.pid, code }, 'worker died; another one takes its place');
      cluster.fork();
    });
    return {
      message: 'workers are starting',
      async stop() {
        stopping = true;
        const ended = Object.values(cluster.workers ?? {}).map(
          (worker) => new Promise<void>((resolve) => worker?.once('exit', () => resolve())),
        );
        for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGTERM');
        await Promise.all(ended);
      },
    };
  }
  const berth = await wire(config, log);
  const server = await serve(config, berth, log);
  return {
    message: 'API is listening',
    details: { address: server.address },
    async stop() {
      await server.close();
      await berth.close();
    },
  };
});
