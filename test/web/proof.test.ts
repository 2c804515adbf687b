import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumInstalled, openBrowser, signIn, visit } from '../support/browser.ts';
import { ADMIN_PASSWORD } from '../support/processes.ts';
import { startWebServer, type WebServer } from '../support/web-server.ts';

describe.skipIf(!chromiumInstalled())('the proof that accounts are gone', { timeout: 120_000 }, () => {
  let server: WebServer;
  let browser: Browser;
  beforeAll(async () => {
    [server, browser] = await Promise.all([startWebServer({ machines: 2, registered: 2 }), openBrowser()]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  const reserved = async (machine: string): Promise<string> => {
    const made = await server.call('POST', '/reservations', { machines: [machine], reservation_password: 'test' });
    expect(made.status).toBe(201);
    return made.body.reservation_id;
  };

  it('shows what could not be removed yet with its next try, and the report once it is', async () => {
    const id = await reserved('box-1');
    const first = server.machines[0];
    if (!first) throw new Error('there is a machine');
    first.faults.refuse = true;
    first.dropConnections();
    await server.call('DELETE', `/reservations/${id}`);
    const { page, context, errors } = await visit(browser, server.address);
    await page.goto('/');
    await signIn(page, 'admin', ADMIN_PASSWORD);
    // For its holder, and for admins.
    await page.getByText(/box-1 could not be cleaned yet: .*Next try/).waitFor();
    const attention = page.getByRole('region', { name: 'Needs attention' });
    await attention.getByRole('link', { name: 'box-1' }).waitFor();
    await attention.getByText('Next try').waitFor();
    first.faults.refuse = false;

    await page.goto(`/reservations/${id}`);
    await page.getByText('The account is gone.').waitFor({ timeout: 60_000 });
    const report = page.getByRole('article', { name: 'box-1' });
    await report.getByText('account gone, sessions gone').waitFor();
    await report.getByText(/at try \d/).waitFor();
    expect(errors.filter((one) => !/Failed to load/.test(one))).toEqual([]);
    await context.close();
  });

  it('looks through a machine, shows what is on it, and repairs it', async () => {
    const second = server.machines[1];
    second?.leaveAccount('left', 'an-allocation-of-nobody');
    second?.leaveFiles(3);
    const { page, context, errors } = await visit(browser, server.address);
    await page.goto('/machines/box-2');
    await signIn(page, 'admin', ADMIN_PASSWORD);
    await page.getByRole('button', { name: 'Look through …' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Look through it' }).click();
    await dialog.getByText('account left').waitFor();
    await dialog.getByText('3 files where everybody may write').waitFor();
    expect((await server.call('GET', '/available')).body.available).not.toContain('box-2');
    await dialog.getByRole('button', { name: 'Repair' }).click();
    await dialog.getByText('box-2 is as it ought to be.').waitFor();
    expect([...(second?.accounts.keys() ?? [])]).toEqual([]);
    await dialog.getByRole('button', { name: 'Close', exact: true }).last().click();
    await expect
      .poll(async () => (await server.call('GET', '/available')).body.available, { timeout: 20_000 })
      .toContain('box-2');
    expect(errors).toEqual([]);
    await context.close();
  });
});
