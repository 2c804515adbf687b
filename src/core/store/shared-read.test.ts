import { expect, test } from 'vitest';
import { sharedRead } from './shared-read.ts';

test('callers of the same moment share one read, by key', async () => {
  const reads: string[] = [];
  const read = sharedRead(async (key: string) => {
    reads.push(key);
    return key.toUpperCase();
  });
  expect(await Promise.all([read('a'), read('b'), read('a')])).toEqual(['A', 'B', 'A']);
  expect(reads).toEqual(['a', 'b']);
  expect(await read('a')).toBe('A');
  expect(reads).toHaveLength(3);
});

test('a caller never gets an answer that was read before it asked', async () => {
  let stored = 'old';
  let finish = (): void => undefined;
  const slow = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const read = sharedRead(async () => {
    const seen = stored;
    await slow;
    return seen;
  });
  const early = read(undefined);
  // The first read has begun, and is under way.
  await new Promise((resolve) => setImmediate(resolve));
  stored = 'new';
  const late = read(undefined);
  finish();
  expect([await early, await late]).toEqual(['old', 'new']);
});

test('a failure reaches all who share it, and nobody after them', async () => {
  let fails = true;
  const read = sharedRead(async () => {
    if (fails) throw new Error('away');
    return 'here';
  });
  const both = await Promise.allSettled([read(undefined), read(undefined)]);
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  fails = false;
  expect(await read(undefined)).toBe('here');
});
