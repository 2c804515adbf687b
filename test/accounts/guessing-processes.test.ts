import { describe, expect, it } from 'vitest';
import { Refusal } from '#core/domain/refusal.ts';
import { databases } from '../support/databases.ts';
import { ADMIN_PASSWORD, type BerthProcess, startProcess } from '../support/processes.ts';
import { openAccounts } from './test-accounts.ts';

describe.each(databases)('guessing passwords at several processes on $name', ({ fresh }) => {
  it('is slowed down by all of them together, and by one that was killed and started anew', {
    timeout: 90_000,
  }, async () => {
    const { database, remove } = await fresh();
    const running: BerthProcess[] = [];
    const start = async (): Promise<BerthProcess> => {
      const started = await startProcess('src/api/main.ts', database);
      running.push(started);
      return started;
    };
    try {
      const one = await start();
      const two = await start();
      const told = await Promise.all(
        Array.from({ length: 40 }, (_, i) => login(i % 2 === 0 ? one : two, 'somebody', `guess ${i}`)),
      );
      // The pause after the tenth is over in a second, which a slow machine may need for the others.
      const looked = told.filter(({ status }) => status === 401).length;
      expect(looked).toBeGreaterThanOrEqual(10);
      expect(looked).toBeLessThanOrEqual(12);
      expect(told.filter(({ status }) => status === 429)).toHaveLength(40 - looked);

      // Guesses of the last quarter of an hour at a third process, from elsewhere: the pause is a long one by now.
      const third = await openAccounts(database);
      for (let ago = 900; ago >= 0; ago -= 5) {
        const now = new Date(Date.now() - ago * 1000);
        const guess = third.accounts.throttle.guard('198.51.100.1', 'admin', now, () =>
          Promise.reject(new Refusal('invalid_grant', 'wrong')),
        );
        await expect(guess).rejects.toThrow(Refusal);
      }
      await third.store.close();
      await one.kill();
      const anew = await start();
      for (const process of [two, anew]) {
        const refused = await login(process, 'admin', ADMIN_PASSWORD);
        expect(refused).toMatchObject({ status: 429, body: { error: 'too_many_requests' } });
        expect(refused.retryAfter).toBe(String(refused.body.retry_after_seconds));
        expect(refused.body.retry_after_seconds).toBeLessThanOrEqual(300);
      }
    } finally {
      for (const process of running) await process.kill();
      await remove();
    }
  });
});

async function login({ address }: BerthProcess, username: string, password: string) {
  const answer = await fetch(`${address}/api/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username, password }),
  });
  return {
    status: answer.status,
    retryAfter: answer.headers.get('retry-after'),
    body: (await answer.json()) as { error: string; retry_after_seconds: number },
  };
}
