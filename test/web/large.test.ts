import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumInstalled, openBrowser, signIn, visit } from '../support/browser.ts';
import { ADMIN_PASSWORD } from '../support/processes.ts';
import { startWebServer, type WebServer } from '../support/web-server.ts';

const COUNT = 5_000;
/** What filtering may take on a machine that does nothing else is 50 ms; beside other tests it takes longer. */
const MOST_FILTER_MS = 250;

/** A pool of this size takes minutes to register: the answers of a real server are made longer on their way. */
async function enlarge(page: Page): Promise<void> {
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

describe.skipIf(!chromiumInstalled())('5,000 machines', () => {
  let server: WebServer;
  let browser: Browser;
  beforeAll(async () => {
    [server, browser] = await Promise.all([startWebServer({ machines: 1, registered: 1 }), openBrowser()]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  it('are listed, scrolled and filtered with few rows in the document', { timeout: 120_000 }, async () => {
    const { page, context, errors } = await visit(browser, server.address);
    await enlarge(page);
    await page.goto('/machines');
    await signIn(page, 'admin', ADMIN_PASSWORD);
    await page.getByText('5000 machines').waitFor();
    expect(await page.getByRole('table').getAttribute('aria-rowcount')).toBe('5001');
    const rows = page.locator('.virtual-size > [role=row]');
    expect(await rows.count()).toBeLessThan(80);

    await page.evaluate('scrollTo(0, document.body.scrollHeight)');
    await page.getByRole('link', { name: 'rack-4999' }).waitFor();
    expect(await rows.count()).toBeLessThan(80);

    await page.evaluate('scrollTo(0, 0)');
    const took: number[] = [];
    for (const [letters, left] of [
      ['rack-49', '100 of 5000'],
      ['rack-499', '10 of 5000'],
      ['', '5000'],
    ]) {
      const ms = (await page.evaluate(`(async () => {
        const field = document.querySelector('input[type=search]');
        Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(field, ${JSON.stringify(letters)});
        const begin = performance.now();
        field.dispatchEvent(new Event('input', { bubbles: true }));
        while (!document.querySelector('.count').textContent.startsWith(${JSON.stringify(left)})) {
          await new Promise((resolve) => setTimeout(resolve));
        }
        return performance.now() - begin;
      })()`)) as number;
      took.push(Math.round(ms));
    }
    console.log(`filtering ${COUNT} machines took ${took.join(', ')} ms`);
    expect(Math.min(...took)).toBeLessThan(MOST_FILTER_MS);
    expect(errors).toEqual([]);
    await context.close();
  });

  it('are a timeline that the keyboard goes through', { timeout: 120_000 }, async () => {
    const { page, context, errors } = await visit(browser, server.address);
    await enlarge(page);
    await page.goto('/timeline');
    await signIn(page, 'admin', ADMIN_PASSWORD);
    const grid = page.getByRole('grid');
    await grid.waitFor();
    expect(await page.locator('.timeline-row').count()).toBeLessThan(80);
    await grid.focus();
    for (let presses = 0; presses < 41; presses++) await page.keyboard.press('ArrowDown');
    await page.getByRole('status').getByText('rack-0040: admin').waitFor();
    const active = await grid.getAttribute('aria-activedescendant');
    expect(active).toBe('span-40-0');
    expect(await page.locator(`#${active}`).isVisible()).toBe(true);
    await page.keyboard.press('-');
    expect(await page.getByLabel('3 days').isChecked()).toBe(true);
    expect(await page.locator('.timeline-row').count()).toBeLessThan(80);
    expect(errors).toEqual([]);
    await context.close();
  });
});
