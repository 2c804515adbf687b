import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumInstalled, openBrowser, PHONE, signIn, visit } from '../support/browser.ts';
import { ADMIN_PASSWORD } from '../support/processes.ts';
import { startWebServer, type WebServer } from '../support/web-server.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface Finding {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

/** Every serious or critical finding on the page as it stands, in words. */
async function findings(page: Page): Promise<string[]> {
  // Half-faded things have half a contrast.
  await expect
    .poll(() =>
      page.evaluate(
        'document.getAnimations().every((one) => one.playState !== "running" || one.effect.getTiming().iterations === Infinity)',
      ),
    )
    .toBe(true);
  await page.evaluate(AXE);
  const { violations } = (await page.evaluate('axe.run(document, { resultTypes: ["violations"] })')) as {
    violations: Finding[];
  };
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(
      ({ id, nodes }) =>
        `${id}: ${nodes.map(({ html, failureSummary }) => `${html.slice(0, 200)} ${failureSummary}`).join(' | ')}`,
    );
}

/** Nothing is being loaded any more. */
async function settled(page: Page): Promise<void> {
  await expect.poll(() => page.locator('[aria-busy=true]').count(), { timeout: 20_000 }).toBe(0);
}

describe.skipIf(!chromiumInstalled())('every page', () => {
  let server: WebServer;
  let browser: Browser;
  let places: { readonly address: string; readonly heading: string }[];
  beforeAll(async () => {
    [server, browser] = await Promise.all([startWebServer({ machines: 4, registered: 4 }), openBrowser()]);
    await server.call('POST', '/users', { username: 'bob', password: 'a-password-of-bob' });
    await server.call('PATCH', '/machines/box-4', { disabled: true });
    const made = await server.call('POST', '/reservations?wait=30', {
      count: 2,
      duration_minutes: 8,
      machines: ['box-1', 'box-2'],
    });
    expect(made.status).toBe(201);
    places = [
      { address: '/', heading: 'Dashboard' },
      { address: '/reservations', heading: 'Reservations' },
      { address: '/reservations?new=1', heading: 'Reserve machines' },
      { address: `/reservations/${made.body.reservation_id}`, heading: '2 machines' },
      { address: `/reservations/${made.body.reservation_id}/terminal/box-1`, heading: 'box-1' },
      { address: '/available', heading: 'Available' },
      { address: '/machines', heading: 'Machines' },
      { address: '/machines/box-1', heading: 'box-1 Reserved' },
      { address: '/machines?add=one', heading: 'Register machines' },
      { address: '/timeline', heading: 'Timeline' },
      { address: '/users', heading: 'Users' },
      { address: '/audit', heading: 'Audit log' },
      { address: '/settings', heading: 'Settings' },
      { address: '/no-such-page', heading: 'Not found' },
      { address: '/machines/no-such-machine', heading: 'There is no such machine' },
    ];
  }, 180_000);
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  const looks: [string, BrowserContextOptions][] = [
    ['light', { colorScheme: 'light' }],
    ['dark', { colorScheme: 'dark' }],
    ['on a phone', { colorScheme: 'light', ...PHONE }],
  ];
  it.each(looks)(
    '%s: no serious finding of axe, no error in the console, nothing wider than the screen',
    { timeout: 240_000 },
    async (_, options) => {
      const { page, context, errors } = await visit(browser, server.address, options);
      const problems: string[] = [];
      const look = async (address: string): Promise<void> => {
        problems.push(...(await findings(page)).map((one) => `${address}: ${one}`));
        const wider = await page.evaluate(
          'document.documentElement.scrollWidth - document.documentElement.clientWidth',
        );
        if (wider !== 0) problems.push(`${address}: ${wider} px wider than the screen`);
      };
      await page.goto('/login');
      await page.getByRole('heading', { name: 'Sign in' }).waitFor();
      await look('/login');
      await signIn(page, 'admin', ADMIN_PASSWORD);
      for (const { address, heading } of places) {
        await page.goto(address);
        await page.getByRole('heading', { name: heading, exact: true }).first().waitFor();
        await settled(page);
        await look(address);
      }
      await page.goto('/reservations');
      await page.getByRole('button', { name: 'Release all …' }).click();
      await page.getByRole('dialog').waitFor();
      await look('the question before everything is released');
      await page.goto('/');
      await page.getByRole('heading', { name: 'Dashboard' }).waitFor();
      await page.keyboard.press('Control+k');
      await page.getByRole('option').first().waitFor();
      await look('the jump palette');
      expect(problems).toEqual([]);
      // The browser itself writes down the one answer that is meant to be 404.
      expect(errors.filter((error) => !error.includes('/api/machines/no-such-machine'))).toEqual([]);
      await context.close();
    },
  );

  it('is used without a mouse: the first Tab leads past the navigation, focus is seen, a dialog keeps and gives it back', {
    timeout: 60_000,
  }, async () => {
    const { page, context, errors } = await visit(browser, server.address);
    await page.goto('/machines');
    await signIn(page, 'admin', ADMIN_PASSWORD);
    await page.reload();
    await page.getByRole('row', { name: /box-1/ }).waitFor();
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the content');
    await page.getByRole('button', { name: 'Register machines' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    for (let presses = 0; presses < 20; presses++) {
      await page.keyboard.press('Tab');
      await expect.poll(() => page.evaluate('document.activeElement.closest("[role=dialog]") !== null')).toBe(true);
      const seen = await page.evaluate(
        'getComputedStyle(document.activeElement).outlineStyle !== "none" || document.activeElement.closest(".chip")?.matches(":has(:focus-visible)")',
      );
      expect(seen).toBe(true);
    }
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Register machines');
    expect(errors).toEqual([]);
    await context.close();
  });

  it('shows hostile names, holders, reasons and systems as text', { timeout: 120_000 }, async () => {
    const { page, context, errors } = await visit(browser, server.address);
    const evil = '<img src=x onerror="document.title=1">\u202e"><script>document.title=2</script>';
    await page.route('**/api/machines', async (route) => {
      const answer = await route.fetch();
      const machines = await answer.json();
      Object.assign(machines[0], {
        name: evil,
        labels: [evil],
        reserved_by: evil,
        reserved: true,
        reason: evil,
        mend: evil,
      });
      await route.fulfill({ response: answer, json: machines });
    });
    await page.route('**/api/audit*', async (route) => {
      const answer = await route.fetch();
      const audit = await answer.json();
      Object.assign(audit.entries[0], { actor: evil, action: evil, subject: evil, details: { [evil]: evil } });
      await route.fulfill({ response: answer, json: audit });
    });
    await page.goto('/machines');
    await signIn(page, 'admin', ADMIN_PASSWORD);
    for (const address of ['/machines', '/available', '/timeline', '/', '/audit']) {
      await page.goto(address);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await settled(page);
      if (address !== '/' && address !== '/timeline')
        await page.getByText(evil).filter({ visible: true }).first().waitFor();
      expect(await page.title()).toContain('Berth');
      expect(await page.locator('img').count()).toBe(0);
    }
    expect(errors).toEqual([]);
    await page.unrouteAll({ behavior: 'ignoreErrors' });
    await context.close();
  });
});
