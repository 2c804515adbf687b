import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumInstalled, openBrowser, signIn, visit } from '../support/browser.ts';
import { ADMIN_PASSWORD } from '../support/processes.ts';
import { startWebServer, type WebServer } from '../support/web-server.ts';
import { enlarge } from './enlarge.ts';

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
    // How fast that is, `npm run bench` measures.
    const field = page.getByRole('searchbox', { name: 'Search for machines' });
    for (const [letters, left] of [
      ['rack-49', '100 of 5000'],
      ['rack-499', '10 of 5000'],
      ['', '5000 machines'],
    ] as const) {
      await field.fill(letters);
      await page.getByText(left).waitFor();
    }
    expect(errors).toEqual([]);
    await page.unrouteAll({ behavior: 'ignoreErrors' });
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
    await page.unrouteAll({ behavior: 'ignoreErrors' });
    await context.close();
  });
});
