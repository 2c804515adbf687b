import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { chromiumInstalled, openBrowser, signIn, visit } from '../support/browser.ts';
import { ADMIN_PASSWORD } from '../support/processes.ts';
import { startWebServer, type WebServer } from '../support/web-server.ts';

const BOB = 'a-password-of-bob';
/** Writes down what the browser is told to show, which a browser without a screen shows nowhere. */
const NOTE_NOTIFICATIONS = `
  window.shown = [];
  window.Notification = class extends window.Notification {
    constructor(title, options) { super(title, options); window.shown.push([title, options.body]); }
  };`;

describe.skipIf(!chromiumInstalled())('around a reservation', () => {
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

  it('the browser notifies once, ten minutes before the end, where it may', { timeout: 60_000 }, async () => {
    server = await startWebServer({ machines: 2, registered: 2 });
    const made = await server.call('POST', '/reservations?wait=20', {
      machines: ['box-2'],
      count: 1,
      duration_minutes: 9,
    });
    expect(made.status).toBe(201);
    const shown = 'window.shown';
    const { page, context, errors } = await visit(browser, server.address, { permissions: ['notifications'] });
    await page.addInitScript(NOTE_NOTIFICATIONS);
    await page.goto('/settings');
    await signIn(page, 'admin', ADMIN_PASSWORD);
    await page.getByText('Allowed', { exact: true }).waitFor();
    await expect.poll(() => page.evaluate(shown)).toEqual([['Your reservation ends soon', 'box-2']]);
    await page.getByRole('link', { name: 'Dashboard' }).click();
    await page.getByRole('heading', { name: 'Dashboard' }).waitFor();
    // One that ends much later says nothing.
    await server.call('POST', '/reservations?wait=20', { machines: ['box-1'], count: 1, duration_minutes: 60 });
    await page.getByRole('article', { name: /box-1/ }).waitFor();
    expect(await page.evaluate(shown)).toHaveLength(1);
    await context.close();

    // Who did not allow it is asked on a click only, and hears nothing.
    const quiet = await visit(browser, server.address);
    await quiet.page.addInitScript(NOTE_NOTIFICATIONS);
    await quiet.page.goto('/settings');
    await signIn(quiet.page, 'admin', ADMIN_PASSWORD);
    await quiet.page.getByText(/ends in \d:\d\d/).waitFor();
    expect(await quiet.page.evaluate(shown)).toEqual([]);
    expect([...errors, ...quiet.errors]).toEqual([]);
    await quiet.context.close();
  });

  it('where terminals are switched off none is offered, and it says why', { timeout: 60_000 }, async () => {
    server = await startWebServer({ machines: 1, registered: 1, settings: { WEB_TERMINAL: 'false' } });
    const made = await server.call('POST', '/reservations?wait=20', { count: 1 });
    const { page, context, errors } = await visit(browser, server.address);
    await page.goto(`/reservations/${made.body.reservation_id}`);
    await signIn(page, 'admin', ADMIN_PASSWORD);
    await page.getByText('Terminals in the browser are switched off on this server').waitFor();
    expect(await page.getByRole('link', { name: 'Open terminal' }).count()).toBe(0);
    await page.goto(`/reservations/${made.body.reservation_id}/terminal/box-1`);
    await page.getByText('Terminals in the browser are switched off on this server').waitFor();
    expect(errors).toEqual([]);
    await context.close();
  });

  it('a user sees no address of a machine but while holding it', { timeout: 60_000 }, async () => {
    server = await startWebServer({ machines: 2, registered: 2 });
    await server.call('POST', '/users', { username: 'bob', password: BOB });
    const bob = await server.callAs('bob', BOB);
    const { page, context, errors } = await visit(browser, server.address);
    await page.goto('/machines');
    await signIn(page, 'bob', BOB);
    await page.getByRole('row', { name: /box-1/ }).waitFor();
    expect(await page.getByRole('table').textContent()).not.toContain('127.0.0.1');
    await page.goto('/machines/box-1');
    await page.getByText('shown while you hold it').waitFor();
    expect((await bob('POST', '/reservations?wait=20', { machines: ['box-1'], count: 1 })).status).toBe(201);
    await page.getByText(`127.0.0.1:${server.machines[0]?.port}`).waitFor({ timeout: 15_000 });
    expect(errors).toEqual([]);
    await context.close();
  });

  it('when all machines are taken the form says when the next one ends', { timeout: 60_000 }, async () => {
    server = await startWebServer({ machines: 1, registered: 1 });
    const { page, context, errors } = await visit(browser, server.address);
    await page.goto('/reservations?new=1');
    await signIn(page, 'admin', ADMIN_PASSWORD);
    await page.getByText('1 of 1 free machine').waitFor();
    await server.call('POST', '/reservations?wait=20', { count: 1, duration_minutes: 60 });
    await page.getByText(/There are no free machines right now\. The next reservation ends at \d+:\d\d\./).waitFor();
    expect(await page.getByRole('button', { name: 'Reserve', exact: true }).isDisabled()).toBe(true);
    expect(errors).toEqual([]);
    await context.close();
  });
});
