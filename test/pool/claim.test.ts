import { expect, it } from 'vitest';
import { claimMachines } from '#core/pool/claim.ts';
import type { Tables } from '#core/store/store.ts';

it('a claim that had to wait for the database is dated after the cleanings that it saw', async () => {
  let now = new Date('2026-01-01T12:00:00Z');
  const dates: Date[] = [];
  const tables = {
    machines: {
      async freeIds() {
        // Meanwhile somebody else's cleaning ends and is committed.
        now = new Date('2026-01-01T12:00:05Z');
        return ['m1', 'm2'];
      },
    },
    allocations: {
      async claim(claims: object[], _reservation: string, at: Date) {
        dates.push(at);
        return claims.length;
      },
    },
  } as unknown as Tables;
  await claimMachines(tables, 'a-reservation', 2, { labels: [], machines: [] }, () => now);
  expect(dates).toEqual([new Date('2026-01-01T12:00:05Z')]);
});
