// The thread behind hash-thread.ts.
import { parentPort } from 'node:worker_threads';
import { hashAccountPassword } from './account-password.ts';

parentPort?.on('message', ({ id, password }: { id: number; password: string }) => {
  parentPort?.postMessage({ id, hash: hashAccountPassword(password) });
});
