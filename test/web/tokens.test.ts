import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumInstalled, openBrowser, signIn, visit } from '../support/browser.ts';
import { ADMIN_PASSWORD } from '../support/processes.ts';
import { startWebServer, type WebServer } from '../support/web-server.ts';

/** API tokens, by clicks in a real browser against a real server. */
describe.skipIf(!chromiumInstalled())('API tokens on the page', () => {
  let server: WebServer;
  let browser: Browser;
  beforeAll(async () => {
    [server, browser] = await Promise.all([startWebServer({ machines: 1 }), openBrowser()]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });
  const whoami = async (token: string) => {
    const answer = await fetch(`${server.address}/api/whoami`, { headers: { authorization: `Bearer ${token}` } });
    return { status: answer.status, body: await answer.json() };
  };

  it('are made, shown once, listed and revoked in the settings', { timeout: 60_000 }, async () => {
    const { page, context, errors } = await visit(browser, server.address);
    await page.goto('/settings');
    await signIn(page, 'admin', ADMIN_PASSWORD);
    const panel = page.getByRole('region', { name: 'API tokens' });
    await panel.getByText('None yet.').waitFor();
    await panel.getByRole('button', { name: 'Make a token' }).click();
    const dialog = page.getByRole('dialog');
    const make = dialog.getByRole('button', { name: 'Make the token' });
    await dialog.getByLabel('Name', { exact: true }).fill('nightly');
    await dialog.getByRole('checkbox', { name: /^reserve/ }).check();
    await dialog.getByLabel('Days until it expires').fill('367');
    await dialog.getByText('Give 1 to 366 whole days.').waitFor();
    expect(await make.isDisabled()).toBe(true);
    await dialog.getByLabel('Days until it expires').fill('30');
    await make.click();
    await dialog.getByText('it is not shown again').waitFor();
    await dialog.getByRole('button', { name: 'Copy the API token' }).waitFor();
    const token = (await dialog.locator('pre').textContent()) ?? '';
    expect(await whoami(token)).toMatchObject({
      status: 200,
      body: { user: 'admin', roles: [], api_token: { name: 'nightly', scopes: ['read', 'reserve'] } },
    });
    await dialog.getByRole('button', { name: 'Done' }).click();
    await panel.getByText('nightly').waitFor();
    expect(await page.content()).not.toContain(token);

    await page.reload();
    await panel.getByText(/read, reserve; good until .*; last used/).waitFor();
    await panel.getByRole('button', { name: 'Revoke the API token nightly' }).click();
    await dialog.getByRole('button', { name: 'Revoke' }).click();
    await panel.getByText('None yet.').waitFor();
    expect((await whoami(token)).status).toBe(401);
    expect(errors).toEqual([]);
    await context.close();
  });

  it('are made for a service account by an admin', { timeout: 60_000 }, async () => {
    const { page, context, errors } = await visit(browser, server.address);
    await page.goto('/users');
    await signIn(page, 'admin', ADMIN_PASSWORD);
    await page.getByRole('button', { name: 'Add a user' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name').fill('ci');
    await dialog.getByRole('checkbox', { name: /^Service account/ }).check();
    expect(await dialog.getByLabel('Password', { exact: true }).count()).toBe(0);
    await dialog.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByRole('row', { name: /ci service account/ }).waitFor();

    await page.getByRole('button', { name: 'Actions for ci' }).click();
    expect(await page.getByRole('button', { name: 'New password …' }).count()).toBe(0);
    await page.getByRole('button', { name: 'API tokens …' }).click();
    await dialog.getByText('Without one, this account cannot sign in.').waitFor();
    await dialog.getByRole('button', { name: 'Make a token' }).click();
    await dialog.getByLabel('Name', { exact: true }).fill('pipeline');
    expect(await dialog.getByRole('checkbox', { name: /^admin/ }).count()).toBe(0);
    await dialog.getByRole('button', { name: 'Make the token' }).click();
    const token = (await dialog.locator('pre').textContent()) ?? '';
    expect(await whoami(token)).toMatchObject({ body: { user: 'ci', api_token: { name: 'pipeline' } } });
    await dialog.getByRole('button', { name: 'Done' }).click();
    await dialog.getByText('pipeline').waitFor();
    expect(errors).toEqual([]);
    await context.close();
  });
});
