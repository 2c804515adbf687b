import type { Page } from 'playwright-core';

const COUNT = 5_000;

/** A pool of this size takes minutes to register: the answers of a real server are made longer on their way. */
export async function enlarge(page: Page): Promise<void> {
  const name = (index: number): string => `rack-${String(index).padStart(4, '0')}`;
  await page.route('**/api/machines', async (route) => {
    const answer = await route.fetch();
    const [one] = await answer.json();
    await route.fulfill({
      response: answer,
      json: Array.from({ length: COUNT }, (_, index) => ({ ...one, name: name(index) })),
    });
  });
  await page.route('**/api/timeline*', async (route) => {
    const answer = await route.fetch();
    const from = Date.now() - 3_600_000;
    const machines = Array.from({ length: COUNT }, (_, index) => ({ name: name(index), state: 'ready' }));
    const spans = machines.map(({ name }, index) => ({
      machine: name,
      reservation_id: '00000000-0000-4000-8000-000000000000',
      username: 'admin',
      from: new Date(from + index * 100).toISOString(),
      to: new Date(from + 7_200_000).toISOString(),
      cleaning_since: null,
      state: 'active',
    }));
    await route.fulfill({ response: answer, json: { machines, spans, truncated: false } });
  });
}
