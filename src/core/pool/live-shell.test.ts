import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type EndOfShell, LiveShell } from './live-shell.ts';
import type { Viewer } from './terminals.ts';

const owner = { userId: 'u', sessionId: null, tokenVersion: 0, allocationId: 'a' };
const viewer: Viewer = { opened() {}, output() {}, unsent: () => 0, holdInput() {}, closed() {} };

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

test('a shell waits two minutes for its viewer, and each viewer anew', () => {
  const ends: EndOfShell[] = [];
  const shell = new LiveShell(
    owner,
    () => undefined,
    (reason) => ends.push(reason),
  );
  const close = vi.fn();
  shell.started({ write: () => true, resize() {}, pause() {}, resume() {}, close });
  const first = shell.attach(viewer, owner, false);
  vi.advanceTimersByTime(1_000_000);
  first.detach();
  vi.advanceTimersByTime(119_999);
  const second = shell.attach({ ...viewer }, owner, true);
  // The first viewer has nothing to say any more.
  first.detach();
  vi.advanceTimersByTime(1_000_000);
  expect(ends).toEqual([]);
  second.detach();
  vi.advanceTimersByTime(120_000);
  expect(ends).toEqual(['left']);
  expect(close).toHaveBeenCalledTimes(1);
});

test('a shell that was ended before it was there is closed as soon as it is', () => {
  const shell = new LiveShell(
    owner,
    () => undefined,
    () => undefined,
  );
  shell.end('ended');
  const close = vi.fn();
  shell.started({ write: () => true, resize() {}, pause() {}, resume() {}, close });
  expect(close).toHaveBeenCalledTimes(1);
});
