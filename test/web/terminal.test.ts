import { setTimeout as pause } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumInstalled, openBrowser, signIn, visit } from '../support/browser.ts';
import { dockerAvailable, ensureLabImages, type LabMachine, startMachine } from '../support/docker-lab.ts';
import { ADMIN_PASSWORD } from '../support/processes.ts';
import { startWebServer, type WebServer } from '../support/web-server.ts';

const ALICE = 'a-password-of-alice';

/** What stands on the screen of the terminal. */
const screen = (page: Page) => page.locator('.xterm-rows');

describe.skipIf(!chromiumInstalled() || !dockerAvailable())('the terminal in the page, on a real machine', () => {
  let server: WebServer;
  let browser: Browser;
  let machine: LabMachine;
  beforeAll(async () => {
    await ensureLabImages();
    [server, browser, machine] = await Promise.all([
      startWebServer({ machines: 1 }),
      openBrowser(),
      startMachine('debian'),
    ]);
    const { host, port, user, password } = machine;
    await server.call('POST', '/machines', { name: 'real-1', host, port, user, password });
    await server.call('POST', '/users', { username: 'alice', password: ALICE });
    while ((await server.call('GET', '/available')).body.available.length === 0) await pause(100);
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await machine?.remove();
  });

  it('is a shell of my account, the same one after a reload, shows hostile output as text, and closes with the reservation', {
    timeout: 180_000,
  }, async () => {
    const alice = await server.callAs('alice', ALICE);
    const made = await alice('POST', '/reservations?wait=60', { count: 1 });
    expect(made.status).toBe(201);
    const { page, context, errors } = await visit(browser, server.address);
    await page.goto(`/reservations/${made.body.reservation_id}`);
    await signIn(page, 'alice', ALICE);
    await page.getByRole('link', { name: 'Open terminal' }).click();
    await page.getByText('Connected', { exact: true }).waitFor();

    await page.keyboard.type('whoami; echo $((6*7))-is-it\n');
    await expect.poll(() => screen(page).textContent(), { timeout: 10_000 }).toMatch(/alice.*42-is-it/s);

    // The size is that of the window.
    const rows = await screen(page).locator('> div').count();
    await page.keyboard.type('clear; echo size-$(stty size)-\n');
    await expect.poll(() => screen(page).textContent(), { timeout: 10_000 }).toMatch(new RegExp(`^size-${rows} \\d+-`));

    await page.keyboard.type(
      "marker=still-here; clear; printf '\\033]0;owned\\007<img src=x onerror=alert(1)>\\033[31mred\\033[38;2;1;200;3mtrue\\033[0m\\n'\n",
    );
    await expect
      .poll(() => screen(page).textContent(), { timeout: 10_000 })
      .toContain('<img src=x onerror=alert(1)>redtrue');
    expect(await page.locator('img').count()).toBe(0);
    expect(await page.title()).toBe('Terminal on real-1 · Berth');

    // Keys lead out of it.
    await page.keyboard.press('F6');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Screen reader');

    await page.reload();
    await page.getByText('Connected', { exact: true }).waitFor({ timeout: 20_000 });
    await page.keyboard.type('echo "$marker-$marker"\n');
    await expect.poll(() => screen(page).textContent(), { timeout: 10_000 }).toContain('still-here-still-here');

    await alice('DELETE', `/reservations/${made.body.reservation_id}`);
    await page.getByText('Your reservation has ended, and the shell with it.').waitFor({ timeout: 20_000 });
    await page.getByRole('button', { name: 'New shell' }).click();
    await page.getByText('Closed', { exact: true }).waitFor();
    expect(errors.filter((error) => !error.includes('/api/terminal-tickets'))).toEqual([]);

    const { entries } = (await server.call('GET', '/audit?limit=50')).body;
    const actions = entries.map((one: { action: string }) => one.action);
    expect(actions).toContain('terminal.opened');
    expect(actions).toContain('terminal.closed');
    await context.close();
  });

  it('is not offered for the reservation of somebody else', { timeout: 120_000 }, async () => {
    await server.call('POST', '/release_all');
    await expect
      .poll(async () => (await server.call('GET', '/available')).body.available, { timeout: 30_000 })
      .toEqual(['real-1']);
    const alice = await server.callAs('alice', ALICE);
    const made = await alice('POST', '/reservations?wait=60', { count: 1 });
    const { page, context } = await visit(browser, server.address);
    await page.goto(`/reservations/${made.body.reservation_id}`);
    await signIn(page, 'admin', ADMIN_PASSWORD);
    await page.getByRole('article').first().waitFor();
    expect(await page.getByRole('link', { name: 'Open terminal' }).count()).toBe(0);
    await page.goto(`/reservations/${made.body.reservation_id}/terminal/real-1`);
    await page.getByText('Closed', { exact: true }).waitFor();
    await context.close();
  });
});
