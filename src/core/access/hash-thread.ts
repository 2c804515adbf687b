import { Worker } from 'node:worker_threads';

export interface HashThread {
  /** See hashAccountPassword. */
  hash(password: string): Promise<string>;
  close(): Promise<void>;
}

interface Waiting {
  resolve(hash: string): void;
  reject(error: Error): void;
}

/**
 * Hashes account passwords in a thread of its own: each takes about 10 ms of computing, which would hold up every other
 * request meanwhile. The thread starts with the first password, and anew should it ever fail.
 */
export function createHashThread(): HashThread {
  const waiting = new Map<number, Waiting>();
  let worker: Worker | null = null;
  let lastId = 0;

  const start = (): Worker => {
    const started = new Worker(new URL('./hash-worker.ts', import.meta.url));
    // It does not keep the process alive by itself.
    started.unref();
    started.on('message', ({ id, hash }: { id: number; hash: string }) => {
      waiting.get(id)?.resolve(hash);
      waiting.delete(id);
    });
    const gone = (error: Error): void => {
      if (worker === started) worker = null;
      for (const { reject } of waiting.values()) reject(error);
      waiting.clear();
    };
    started.once('error', gone);
    started.once('exit', () => gone(new Error('the thread that hashes passwords has ended')));
    return started;
  };

  return {
    hash(password) {
      worker ??= start();
      const id = ++lastId;
      const running = worker;
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        running.postMessage({ id, password });
      });
    },
    async close() {
      await worker?.terminate();
    },
  };
}
