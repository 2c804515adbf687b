import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumInstalled, openBrowser, signIn, visit } from '../support/browser.ts';
import { ADMIN_PASSWORD } from '../support/processes.ts';
import { startWebServer, type WebServer } from '../support/web-server.ts';

/** What the page says about passwords, in a real browser against a real server. */
describe.skipIf(!chromiumInstalled())('choosing a password on the page', () => {
  let server: WebServer;
  let browser: Browser;
  const start = async (settings: Record<string, string>): Promise<void> => {
    server = await startWebServer({ machines: 1, settings });
  };
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser?.close());

  it('shows the rules first, and the refusal at the field', { timeout: 120_000 }, async () => {
    await start({ PASSWORD_RULES: 'enforce' });
    try {
      const { page, context } = await visit(browser, server.address);
      await page.goto('/settings');
      await signIn(page, 'admin', ADMIN_PASSWORD);
      const field = page.getByLabel('New password', { exact: true });
      const below = async () => page.locator(`[id="${await field.getAttribute('aria-describedby')}"]`).textContent();
      await expect.poll(below).toBe('At least 12 characters; not a common password, the user name or "berth".');
      await page.getByLabel('Present password').fill(ADMIN_PASSWORD);
      await field.fill('s3cret');
      await page.getByRole('button', { name: 'Change the password' }).click();
      await page.getByText('too short; at least 12 characters').waitFor();
      await expect.poll(below).toMatch(/^It is too short; at least 12 characters/i);
      expect(await field.getAttribute('aria-invalid')).toBe('true');
      await field.fill('correct horse battery staple');
      await page.getByRole('button', { name: 'Change the password' }).click();
      await page.getByText('Your password is changed.').waitFor();

      await page.goto('/users');
      await page.getByRole('button', { name: 'Add a user' }).first().click();
      await page.getByText('At least 12 characters').waitFor();
      await page.getByRole('dialog').getByLabel('Name').fill('carol');
      await page.getByRole('dialog').getByLabel('Password', { exact: true }).fill('carol-carol-1');
      await page.getByRole('button', { name: 'Add', exact: true }).click();
      await page.getByText('made of the user name').waitFor();
      await context.close();
    } finally {
      await server.close();
    }
  });

  it('takes a weak one where the rules are not enforced, and warns until it is changed', {
    timeout: 120_000,
  }, async () => {
    await start({ BERTH_ENV: 'development' });
    try {
      await server.call('POST', '/users', { username: 'alice', password: 's3cret' });
      const { page, context } = await visit(browser, server.address);
      await page.goto('/settings');
      await signIn(page, 'alice', 's3cret');
      const warning = page.getByText('Your password breaks the rules');
      await warning.waitFor();
      await page.getByText('Here weaker ones are taken too, with a warning.').waitFor();
      await page.getByLabel('Present password').fill('s3cret');
      await page.getByLabel('New password', { exact: true }).fill('correct horse battery staple');
      await page.getByRole('button', { name: 'Change the password' }).click();
      await warning.waitFor({ state: 'detached' });
      await context.close();
    } finally {
      await server.close();
    }
  });
});
