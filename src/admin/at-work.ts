import { setTimeout as pause } from 'node:timers/promises';
import { HEARTBEAT_LIMIT_MS } from '#core/runtime/wire.ts';
import { Problem } from './problem.ts';

/** Longer than several beats of a scheduler that is well. */
const WATCH_MS = 8_000;
const LOOK_EVERY_MS = 250;

/**
 * Makes sure that no scheduler beats: one that was stopped just now is told from one at work by watching for a while.
 * @throws Problem when one is at work.
 */
export async function refuseWhileAtWork(lastBeat: () => Promise<Date | undefined>): Promise<void> {
  const first = await lastBeat();
  if (!first || Date.now() - first.getTime() > HEARTBEAT_LIMIT_MS) return;
  console.error('Berth was at work a moment ago; making sure that it has stopped ...');
  const until = Date.now() + WATCH_MS;
  while (Date.now() < until) {
    await pause(LOOK_EVERY_MS);
    if ((await lastBeat())?.getTime() !== first.getTime()) {
      throw new Problem('Berth is running; stop all its processes first, and start them again afterwards');
    }
  }
}
