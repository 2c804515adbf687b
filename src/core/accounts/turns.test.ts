import { expect, it } from 'vitest';
import { createTurns } from './turns.ts';

it('some work at once, the first line goes before the rest, and a full line is refused', async () => {
  const turns = createTurns(2, 3, () => new Error('full'));
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const start = (line: 'first' | 'rest', name: string) =>
    turns.take(line, async () => {
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
  const free = turns.take('rest', async () => 'at once again');
  expect(await free).toBe('at once again');
});
