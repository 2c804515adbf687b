import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumInstalled, openBrowser, visit } from '../support/browser.ts';
import { ADMIN_PASSWORD } from '../support/processes.ts';
import { startWebServer, type WebServer } from '../support/web-server.ts';

/** Presses Tab until what a screen reader would call by that name has the focus. */
async function tabTo(page: Page, role: Parameters<Page['getByRole']>[0], name: string | RegExp): Promise<void> {
  const wanted = page.getByRole(role, { name, exact: typeof name === 'string' });
  await wanted.first().waitFor();
  for (let presses = 0; presses < 60; presses++) {
    if (await wanted.and(page.locator(':focus')).count()) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`Tab never comes to the ${role} ${name}`);
}

async function jumpTo(page: Page, letters: string): Promise<void> {
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Jump to' }).waitFor();
  await page.keyboard.type(letters);
  await page.keyboard.press('Enter');
}

describe.skipIf(!chromiumInstalled())('with the keyboard alone', () => {
  let server: WebServer;
  let browser: Browser;
  beforeAll(async () => {
    [server, browser] = await Promise.all([startWebServer({ machines: 2, registered: 2 }), openBrowser()]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  it('somebody signs in, reserves, finds it on the timeline, opens a shell and leaves it, extends and releases', {
    timeout: 120_000,
  }, async () => {
    const { page, context, errors } = await visit(browser, server.address);
    await page.goto('/');
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.keyboard.type('admin');
    await tabTo(page, 'textbox', 'Password');
    await page.keyboard.type(ADMIN_PASSWORD);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Dashboard' }).waitFor();

    await jumpTo(page, 'reserve machines');
    await tabTo(page, 'textbox', 'How many machines');
    await page.keyboard.press('Control+a');
    await page.keyboard.type('2');
    await page.getByText('2 of 2 free machines').waitFor();
    await tabTo(page, 'radio', '1 h');
    await page.keyboard.press('ArrowRight');
    await page.getByText('that is for 2 h').waitFor();
    await tabTo(page, 'button', 'Reserve');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.getByRole('article').count(), { timeout: 20_000 }).toBe(2);
    const address = page.url();

    await jumpTo(page, 'timeline');
    await page.getByRole('heading', { name: 'Timeline' }).waitFor();
    await tabTo(page, 'grid', /^Who held what/);
    await page.keyboard.press('ArrowDown');
    await page.getByRole('status').getByText('box-1: admin').waitFor();
    await page.keyboard.press('ArrowDown');
    await page.getByRole('status').getByText('box-2: admin').waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: '2 machines' }).waitFor();
    expect(page.url()).toBe(address);

    await tabTo(page, 'link', 'Open terminal');
    await page.keyboard.press('Enter');
    await page.getByText('Connected', { exact: true }).waitFor();
    await page.keyboard.type('whoami\n');
    await expect.poll(() => page.locator('.xterm-rows').textContent()).toMatch(/whoami.*admin/s);
    await page.keyboard.press('F6');
    await page.keyboard.press('Shift+Tab');
    await expect.poll(() => page.evaluate('document.activeElement.closest(".xterm") === null')).toBe(true);
    await jumpTo(page, 'box-1, box-2');
    await page.getByRole('heading', { name: '2 machines' }).waitFor();

    await tabTo(page, 'button', 'Extend');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'by 1 h' }).waitFor();
    await tabTo(page, 'button', 'by 1 h');
    await page.keyboard.press('Enter');
    await page.getByRole('definition').filter({ hasText: /^3 h$/ }).waitFor();
    await tabTo(page, 'button', 'Undo');
    await page.keyboard.press('Enter');
    await page.getByRole('definition').filter({ hasText: /^2 h$/ }).waitFor();

    await tabTo(page, 'button', 'Release');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Tab');
    await tabTo(page, 'button', 'Release');
    await page.keyboard.press('Enter');
    await page.getByText('The account is gone').first().waitFor();
    expect(errors).toEqual([]);
    await context.close();
  });
});
