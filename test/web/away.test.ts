import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { chromiumInstalled, openBrowser, signIn, visit } from '../support/browser.ts';
import { ADMIN_PASSWORD } from '../support/processes.ts';
import { startWebServer, type WebServer } from '../support/web-server.ts';

/** What a page that is open does when something goes on behind its back. */
describe.skipIf(!chromiumInstalled())('a page that stays open', () => {
  let browser: Browser;
  let server: WebServer | null = null;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterEach(async () => {
    await server?.close();
    server = null;
  });
  afterAll(() => browser?.close());

  it('says when the server is away, and goes on by itself when it is back', { timeout: 120_000 }, async () => {
    server = await startWebServer({ machines: 1, registered: 1 });
    const { page, context } = await visit(browser, server.address);
    await page.goto('/available');
    await signIn(page, 'admin', ADMIN_PASSWORD);
    await page.getByText('1 of 1 free').waitFor();
    await server.kill();
    await page.getByText('Berth is not reachable.').waitFor({ timeout: 20_000 });
    // What was known stays in sight.
    expect(await page.getByRole('row', { name: /box-1/ }).count()).toBe(1);
    await server.restart();
    await page.getByText('Berth is not reachable.').waitFor({ state: 'detached', timeout: 30_000 });
    // The stream is there again too.
    await server.call('PATCH', '/machines/box-1', { disabled: true });
    await page.getByRole('row', { name: /box-1 Disabled/ }).waitFor({ timeout: 15_000 });

    // Opened while a proxy serves the page and the API does not answer, it waits.
    await page.route('**/api/**', (route) => route.abort());
    await page.reload();
    await page.getByRole('heading', { name: 'Berth is not reachable' }).waitFor({ timeout: 20_000 });
    await page.unroute('**/api/**');
    await page.getByRole('heading', { name: 'Available' }).waitFor({ timeout: 30_000 });
    await context.close();
  });

  it('stays signed in over a reload, and in two tabs; signing out in one signs out both', {
    timeout: 60_000,
  }, async () => {
    server = await startWebServer();
    const { page, context, errors } = await visit(browser, server.address);
    await page.goto('/');
    await signIn(page, 'admin', ADMIN_PASSWORD);
    await page.reload();
    await page.getByRole('heading', { name: 'Dashboard' }).waitFor();
    const second = await context.newPage();
    await Promise.all([page.reload(), second.goto('/users')]);
    await second.getByRole('heading', { name: 'Users' }).waitFor();
    await page.getByRole('heading', { name: 'Dashboard' }).waitFor();
    // The token is in memory alone.
    const stored = await page.evaluate('JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])');
    expect(stored).not.toMatch(/eyJ|refresh/);
    await page.getByRole('button', { name: /Account/ }).click();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await second.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(errors).toEqual([]);
    await context.close();
  });

  it('renews a token that has run out without a word', { timeout: 150_000 }, async () => {
    server = await startWebServer({ settings: { JWT_EXPIRES_MINUTES: '1' } });
    const { page, context } = await visit(browser, server.address);
    await page.clock.install();
    await page.goto('/users');
    await signIn(page, 'admin', ADMIN_PASSWORD);
    await page.getByRole('row', { name: /admin/ }).waitFor();
    // The server's clock goes on as it does; the page's own timer for the renewal is what is moved.
    const renewed = page.waitForResponse((answer) => answer.url().endsWith('/api/session/refresh') && answer.ok());
    await page.clock.fastForward('00:50');
    await renewed;
    await page.getByRole('link', { name: 'Audit log' }).click();
    await page
      .getByRole('row', { name: /user created/ })
      .first()
      .waitFor();
    await context.close();
  });
});
