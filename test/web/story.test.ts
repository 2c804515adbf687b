import { readFileSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumInstalled, openBrowser, signIn, visit } from '../support/browser.ts';
import { ADMIN_PASSWORD } from '../support/processes.ts';
import { startWebServer, type WebServer } from '../support/web-server.ts';

const BOB = 'a-password-of-bob';

/** What people do with Berth, by clicks in a real browser against a real server. */
describe.skipIf(!chromiumInstalled())('the story by clicks', () => {
  let server: WebServer;
  let browser: Browser;
  beforeAll(async () => {
    [server, browser] = await Promise.all([startWebServer({ machines: 3 }), openBrowser()]);
    await server.call('POST', '/users', { username: 'bob', password: BOB });
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  it('registers machines, reserves two, extends, releases; another browser sees it live', {
    timeout: 120_000,
  }, async () => {
    const admin = await visit(browser, server.address);
    const bob = await visit(browser, server.address);
    const { page } = admin;

    // Asked for a page, signed in, and there.
    await page.goto('/machines');
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await signIn(page, 'admin', ADMIN_PASSWORD);
    await page.getByRole('heading', { name: 'There are no machines yet' }).waitFor();

    await page.getByRole('button', { name: 'From machines.yml' }).click();
    const file = server.machines
      .map(({ host, port, user, password }, i) =>
        [`  - name: alpine-${i + 1}`, `host: ${host}`, `port: ${port}`, `user: ${user}`, `password: ${password}`].join(
          '\n    ',
        ),
      )
      .join('\n');
    await page.getByLabel('machines.yml', { exact: true }).fill(`machines:\n${file}\n`);
    await page.getByText('3 in the file').waitFor();
    await page.getByRole('button', { name: 'Register 3 machines' }).click();
    await page.getByText('3 registered, 0 refused').waitFor();
    await page.getByRole('button', { name: 'Close' }).click();
    await expect.poll(() => page.getByRole('row', { name: /alpine-\d Free/ }).count(), { timeout: 20_000 }).toBe(3);

    await bob.page.goto('/available');
    await signIn(bob.page, 'bob', BOB);
    await bob.page.getByText('3 of 3 free').waitFor();

    await page.getByRole('link', { name: 'Dashboard' }).click();
    await page.getByRole('main').getByRole('link', { name: 'Reserve machines' }).first().click();
    await page.getByRole('button', { name: 'One more' }).click();
    await page.getByText('2 of 3 free machines').waitFor();
    await page.getByRole('button', { name: 'Reserve', exact: true }).click();

    // The way in, for each machine.
    const cards = page.getByRole('article');
    await expect.poll(() => cards.count(), { timeout: 20_000 }).toBe(2);
    const command = await cards.first().locator('pre').first().textContent();
    expect(command).toMatch(/^ssh -p \d+ admin@127\.0\.0\.1$/);
    await page.getByRole('button', { name: 'Show the password' }).click();
    expect(await page.locator('.secret').textContent()).toMatch(/^\S{12,}$/);
    await page.getByRole('button', { name: 'ssh config and host key' }).first().click();
    expect(await cards.first().textContent()).toContain('~/.ssh/known_hosts');

    // Somebody else sees it without doing anything.
    await bob.page.getByText('1 of 3 free, 2 reserved').waitFor({ timeout: 10_000 });

    await page.getByRole('button', { name: 'Extend' }).click();
    await page.getByRole('button', { name: 'by 1 h' }).click();
    await page.getByText('Extended by 1 h').waitFor();
    const length = page.getByRole('definition').filter({ hasText: /^\d+ h$/ });
    await expect.poll(() => length.textContent()).toBe('2 h');
    await page.getByRole('button', { name: 'Undo' }).click();
    await expect.poll(() => length.textContent()).toBe('1 h');

    await page.getByRole('main').getByRole('button', { name: 'Release' }).click();
    const question = page.getByRole('dialog');
    await question.getByText('This cannot be undone.').waitFor();
    await question.getByRole('button', { name: 'Release' }).click();
    await page.getByText('Released. The machines are').waitFor();
    await bob.page.getByText('3 of 3 free').waitFor({ timeout: 10_000 });
    await page.getByText('The account is gone').first().waitFor();

    expect([...admin.errors, ...bob.errors]).toEqual([]);
    await Promise.all([admin.context.close(), bob.context.close()]);
  });

  it('a user sees no way to what is for admins, and a clear page at its address', { timeout: 60_000 }, async () => {
    const { page, context, errors } = await visit(browser, server.address);
    for (const address of ['/users', '/audit']) {
      await page.goto(address);
      await signIn(page, 'bob', BOB);
      await page.getByRole('heading', { name: 'This page is for admins' }).waitFor();
      expect(await page.getByRole('link', { name: 'Users' }).count()).toBe(0);
      await page.getByRole('button', { name: /Account/ }).click();
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    }
    expect(errors).toEqual([]);
    await context.close();
  });

  it('releases everything only after the words were typed', { timeout: 60_000 }, async () => {
    await expect.poll(async () => (await server.call('GET', '/available')).body.available.length).toBe(3);
    expect((await server.call('POST', '/reservations?wait=20', { count: 2 })).status).toBe(201);
    const { page, context, errors } = await visit(browser, server.address);
    await page.goto('/reservations');
    await signIn(page, 'admin', ADMIN_PASSWORD);
    await page.getByRole('button', { name: 'Release all …' }).click();
    const verb = page.getByRole('dialog').getByRole('button', { name: 'Release all' });
    expect(await verb.isDisabled()).toBe(true);
    await page.getByLabel('Type release all to go on').fill('release al');
    expect(await verb.isDisabled()).toBe(true);
    await page.getByLabel('Type release all to go on').fill('release all');
    await verb.click();
    await page.getByText('Released 1 reservation.').waitFor();
    await expect.poll(async () => (await server.call('GET', '/available')).body.available.length).toBe(3);

    // What happened can be taken along as a file.
    await page.getByRole('link', { name: 'Audit log' }).click();
    await page.getByLabel('Of what').fill('bob');
    await page.getByRole('row', { name: /user created/ }).waitFor();
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Export CSV' }).click(),
    ]);
    expect(file.suggestedFilename()).toBe('berth-audit.csv');
    const csv = readFileSync((await file.path()) as string, 'utf8');
    expect(csv).toMatch(/user\.created.*bob/);
    expect(csv).not.toContain('reservation.released');
    expect(errors).toEqual([]);
    await context.close();
  });

  it('a machine is disabled, taken back by undo, edited and deleted; the palette finds pages', {
    timeout: 60_000,
  }, async () => {
    const { page, context, errors } = await visit(browser, server.address);
    await page.goto('/');
    await signIn(page, 'admin', ADMIN_PASSWORD);
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox', { name: 'Jump to' }).fill('alpine-3');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: /alpine-3/ }).waitFor();
    await page.getByRole('button', { name: 'Disable' }).click();
    await page.getByRole('heading', { name: 'alpine-3 Disabled' }).waitFor();
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.getByRole('heading', { name: 'alpine-3 Free' }).waitFor({ timeout: 20_000 });
    await page.getByRole('button', { name: 'Edit …' }).click();
    await page.getByLabel('Labels').fill('gpu spare');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('link', { name: 'spare' }).waitFor();
    await page.getByRole('button', { name: 'Delete …' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('heading', { name: 'Machines' }).waitFor();
    expect((await server.call('GET', '/machines')).body.map(({ name }: { name: string }) => name)).toEqual([
      'alpine-1',
      'alpine-2',
    ]);
    expect(errors).toEqual([]);
    await context.close();
  });

  it('warns before the end on every page, and one click gives more time; a kept key opens the next reservation', {
    timeout: 60_000,
  }, async () => {
    const { page, context, errors } = await visit(browser, server.address);
    await page.goto('/settings');
    await signIn(page, 'bob', BOB);
    await page.getByRole('button', { name: 'Add a key' }).click();
    await page.getByLabel('Public key').fill(`ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${'A'.repeat(43)} bob@laptop`);
    expect(await page.getByLabel('Name').inputValue()).toBe('bob@laptop');
    await page.getByRole('dialog').getByRole('button', { name: 'Add' }).click();
    await page.getByText('SHA256:').waitFor();

    await page.keyboard.press('Control+k');
    await page.getByRole('combobox', { name: 'Jump to' }).fill('reserve machines');
    await page.keyboard.press('Enter');
    await page.getByText('SSH key', { exact: true }).click();
    await page.getByRole('checkbox', { name: /bob@laptop/, checked: true }).waitFor();
    await page.getByText('Until …').click();
    const end = new Date(Date.now() + 8 * 60_000);
    const local = end.toLocaleString('sv-SE', { timeZone: 'Europe/Berlin' }).replace(' ', 'T').slice(0, 16);
    await page.getByLabel('Exact end').fill(local);
    await page.getByRole('button', { name: 'Reserve', exact: true }).click();
    await page.getByRole('article').first().waitFor({ timeout: 20_000 });
    expect(await page.getByText('Password of').count()).toBe(0);

    await page.getByRole('link', { name: 'Timeline' }).click();
    await page.getByText(/ends in \d:\d\d/).waitFor();
    await page.getByRole('button', { name: '30 min more' }).click();
    await page.getByText('Extended by 30 min').waitFor();
    await page.getByText(/ends in \d:\d\d/).waitFor({ state: 'detached' });
    expect(errors).toEqual([]);
    await context.close();
  });
});
