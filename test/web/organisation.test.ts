import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumInstalled, openBrowser, visit } from '../support/browser.ts';
import { startProvider } from '../support/oidc.ts';
import { startWebServer } from '../support/web-server.ts';

/** Signing in with a real identity provider, by clicks in a real browser. */
describe.skipIf(!chromiumInstalled())('signing in with the organisation on the page', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser?.close());

  it('leads to the provider and back, says why somebody is not let in, and is not offered without a provider', {
    timeout: 120_000,
  }, async () => {
    const port = await freePort();
    const provider = await startProvider(`http://127.0.0.1:${port}/api/oidc/callback`);
    const server = await startWebServer({
      machines: 1,
      settings: {
        PORT: String(port),
        BERTH_PUBLIC_URL: `http://127.0.0.1:${port}`,
        OIDC_ISSUER: provider.issuer,
        OIDC_CLIENT_ID: 'berth',
        OIDC_CLIENT_SECRET: 'a secret of the client',
        OIDC_NAME: 'Sign in with Example',
      },
    });
    try {
      const goThere = async (account: string) => {
        const { page, context } = await visit(browser, server.address);
        await page.goto('/');
        await page.getByRole('link', { name: 'Sign in with Example' }).click();
        await page.getByLabel('Who').fill(account);
        await page.getByRole('button', { name: 'Go on' }).click();
        return { page, context };
      };
      const erin = await goThere('sub-1,erin');
      await erin.page.getByRole('navigation').first().waitFor();
      await expect.poll(() => new URL(erin.page.url()).pathname).toBe('/');
      // The session is an ordinary one: it outlives the page.
      await erin.page.reload();
      await erin.page.getByRole('navigation').first().waitFor();
      await erin.page.goto('/settings');
      await erin.page.getByText('signed in with your organisation').waitFor();
      await erin.page.getByRole('heading', { name: 'API tokens' }).waitFor();
      // Nothing to change here.
      for (const name of ['Password', 'Second factor']) {
        expect(await erin.page.getByRole('heading', { name, exact: true }).count()).toBe(0);
      }
      await erin.context.close();

      const taken = await goThere('sub-2,admin');
      await taken.page.getByRole('alert').getByText('another user of your name').waitFor();
      await taken.context.close();
    } finally {
      await server.close();
      await provider.stop();
    }

    const without = await startWebServer({ machines: 1 });
    try {
      const { page, context } = await visit(browser, without.address);
      const asked = page.waitForResponse('**/api/sign-in-options');
      await page.goto('/login?problem=name_taken');
      expect(await (await asked).json()).toEqual({ oidc: null });
      await page.getByLabel('Name').waitFor();
      expect(await page.getByRole('link', { name: /sign in/i }).count()).toBe(0);
      await context.close();
    } finally {
      await without.close();
    }
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
