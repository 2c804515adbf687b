import { readFileSync } from 'node:fs';
import { TOTP } from 'otpauth';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumInstalled, openBrowser, signIn, visit } from '../support/browser.ts';
import { ADMIN_PASSWORD } from '../support/processes.ts';
import { startWebServer, type WebServer } from '../support/web-server.ts';

const PASSWORD = 'a-password-for-tests';

async function codesOn(page: Page): Promise<string[]> {
  const lines = page.getByRole('list', { name: 'Recovery codes' }).getByRole('listitem');
  await lines.first().waitFor();
  return await lines.allTextContents();
}

/** A second factor by clicks, in a real browser against a real server. */
describe.skipIf(!chromiumInstalled())('a second factor on the page', () => {
  let server: WebServer;
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
    server = await startWebServer({ machines: 1 });
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  it('is turned on, asked for, got around with a recovery code, and removed by an admin', {
    timeout: 120_000,
  }, async () => {
    await server.call('POST', '/users', { username: 'alice', password: PASSWORD });
    const { page, context } = await visit(browser, server.address);
    await page.goto('/settings');
    await signIn(page, 'alice', PASSWORD);
    await page.getByRole('button', { name: 'Turn it on' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Your password').fill('mistaken');
    await dialog.getByRole('button', { name: 'Go on' }).click();
    await dialog.getByText('It is not your password').waitFor();
    await dialog.getByLabel('Your password').fill(PASSWORD);
    await dialog.getByRole('button', { name: 'Go on' }).click();
    await dialog.getByRole('img', { name: 'QR code of the secret' }).waitFor();
    const secret = (await dialog.locator('code').textContent()) as string;
    await dialog.getByLabel('Code', { exact: true }).fill('abcdef');
    await dialog.getByRole('button', { name: 'Turn on' }).click();
    await dialog.getByText('is the clock of your device right?').waitFor();
    await dialog.getByLabel('Code', { exact: true }).fill(new TOTP({ secret }).generate());
    await dialog.getByRole('button', { name: 'Turn on' }).click();
    const codes = await codesOn(page);
    expect(codes).toHaveLength(10);
    const waiting = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download' }).click();
    const download = await waiting;
    expect(download.suggestedFilename()).toBe('berth-recovery-codes-alice.txt');
    expect(readFileSync(await download.path(), 'utf8')).toBe(`${codes.join('\n')}\n`);
    await page.getByRole('button', { name: 'I have kept them' }).click();
    await page.getByText('It is on. 10 recovery codes are left.').waitFor();
    await context.close();

    const again = await visit(browser, server.address);
    await again.page.goto('/settings');
    await again.page.getByLabel('Name', { exact: true }).fill('alice');
    await again.page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await again.page.getByRole('button', { name: 'Sign in' }).click();
    const code = again.page.getByLabel('Code', { exact: true });
    await code.fill('abcdef');
    await again.page.getByRole('button', { name: 'Sign in' }).click();
    await again.page.getByText('The code is wrong, or was used already').waitFor();
    await code.fill(codes[0] as string);
    await again.page.getByRole('button', { name: 'Sign in' }).click();
    await again.page.getByText('It is on. 9 recovery codes are left.').waitFor();
    await again.page.getByRole('button', { name: 'New recovery codes' }).click();
    await again.page.getByRole('dialog').getByLabel('Your password').fill(PASSWORD);
    await again.page
      .getByRole('dialog')
      .getByLabel('Code', { exact: true })
      .fill(codes[1] as string);
    await again.page.getByRole('button', { name: 'Make new ones' }).click();
    const renewed = await codesOn(again.page);
    expect(renewed.filter((one) => codes.includes(one))).toEqual([]);

    const admin = await visit(browser, server.address);
    await admin.page.goto('/users');
    await signIn(admin.page, 'admin', ADMIN_PASSWORD);
    await admin.page.getByText('with a second factor').waitFor({ state: 'attached' });
    await admin.page.getByRole('button', { name: 'Actions for alice' }).click();
    await admin.page.getByRole('button', { name: 'Remove the second factor' }).click();
    await admin.page.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click();
    await admin.page.getByText('alice signs in with the password alone now.').waitFor();
    expect((await server.call('GET', '/users/alice')).body).toMatchObject({ second_factor: false });
    expect([...admin.errors]).toEqual([]);
  });
});
