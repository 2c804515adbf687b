import { expect, it } from 'vitest';
import { createTurns } from './turns.ts';

it('some work at once, the first line goes before the rest, and a full line is refused', async () => {
  const turns = createTurns({ atOnce: 2, longestLine: 3, mostOfOne: 9 }, () => new Error('full'));
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const start = (line: 'first' | 'rest', name: string) =>
    turns.take(line, name, async () => {
      begun.push(name);
      await new Promise<void>((resolve) => ends.push(resolve));
      if (name === 'a') throw new Error('it failed');
    });
  const all = [start('rest', 'a'), start('rest', 'b'), start('rest', 'c'), start('rest', 'd'), start('rest', 'e')];
  await expect(start('rest', 'f')).rejects.toThrow('full');
  all.push(start('first', 'g'), start('first', 'h'));
  expect(begun).toEqual(['a', 'b']);
  const told = Promise.allSettled(all);
  for (let ended = 0; ended < all.length; ended++) {
    await expect.poll(() => ends.length).toBeGreaterThan(ended);
    expect(begun.length - ended).toBeLessThanOrEqual(2);
    ends[ended]?.();
  }
  expect((await told).filter(({ status }) => status === 'rejected')).toHaveLength(1);
  expect(begun).toEqual(['a', 'b', 'g', 'h', 'c', 'd', 'e']);
  const free = turns.take('rest', 'x', async () => 'at once again');
  expect(await free).toBe('at once again');
});

it('one keeps nobody else out by coming again and again, and the rest gets its turn', async () => {
  const turns = createTurns({ atOnce: 1, longestLine: 8, mostOfOne: 4 }, () => new Error('full'));
  let going = true;
  let refused = 0;
  const pushy = Array.from({ length: 8 }, async () => {
    while (going) {
      await turns.take('first', 'pushy', () => new Promise((resolve) => setImmediate(resolve))).catch(() => refused++);
      await new Promise((resolve) => setImmediate(resolve));
    }
  });
  expect(await turns.take('first', 'another', async () => 'in')).toBe('in');
  expect(await turns.take('rest', 'stranger', async () => 'in')).toBe('in');
  going = false;
  await Promise.all(pushy);
  expect(refused).toBeGreaterThan(0);
});
