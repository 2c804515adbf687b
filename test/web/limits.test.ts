import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumInstalled, openBrowser, signIn, visit } from '../support/browser.ts';
import { ADMIN_PASSWORD } from '../support/processes.ts';
import { startWebServer, type WebServer } from '../support/web-server.ts';

const BOB = 'a-password-of-bob';

describe.skipIf(!chromiumInstalled())('limits on the page', () => {
  let server: WebServer;
  let browser: Browser;
  beforeAll(async () => {
    [server, browser] = await Promise.all([startWebServer({ machines: 4, registered: 4 }), openBrowser()]);
    await server.call('POST', '/users', { username: 'bob', password: BOB });
  }, 180_000);
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  it('an admin sets them for a role and for a user; the user sees them before and while reserving', {
    timeout: 120_000,
  }, async () => {
    const admin = await visit(browser, server.address);
    const { page } = admin;
    await page.goto('/users');
    await signIn(page, 'admin', ADMIN_PASSWORD);
    await page.getByRole('button', { name: 'Limits of roles' }).click();
    const dialog = page.getByRole('dialog', { name: 'Limits of roles' });
    const save = dialog.getByRole('button', { name: 'Save' });
    await dialog.getByLabel('Machines at once', { exact: true }).selectOption('At most …');
    expect(await save.isDisabled(), 'a number is missing').toBe(true);
    await dialog.getByLabel('Machines at once: at most').fill('2');
    await dialog.getByLabel('Minutes per reservation', { exact: true }).selectOption('At most …');
    await dialog.getByLabel('Minutes per reservation: at most').fill('120');
    await save.click();
    await page.getByText('Users have other limits.').waitFor();

    const setForBob = async (fill: (dialog: ReturnType<typeof page.getByRole>) => Promise<void>): Promise<void> => {
      await page.getByRole('button', { name: 'Actions for bob' }).click();
      await page.getByRole('button', { name: 'Limits …' }).click();
      const ofBob = page.getByRole('dialog', { name: 'Limits of bob' });
      await fill(ofBob);
      await ofBob.getByRole('button', { name: 'Save' }).click();
      await ofBob.waitFor({ state: 'detached' });
    };
    await setForBob(async (ofBob) => {
      const machines = ofBob.getByLabel('Machines at once', { exact: true });
      expect(await machines.locator('option:checked').textContent()).toBe('As the role (2)');
      await machines.selectOption('At most …');
      await ofBob.getByLabel('Machines at once: at most').fill('3');
    });
    expect((await server.call('GET', '/users/bob/limits')).body).toMatchObject({
      own: { machines: 3, minutes: 'role' },
      limits: { machines: 3, reservations: null, minutes: 120, machine_minutes_ahead: null },
    });

    const bob = await visit(browser, server.address);
    await bob.page.goto('/reservations?new=1');
    await signIn(bob.page, 'bob', BOB);
    await bob.page.getByText('You hold 0 of 3 machines. A reservation may last 2 h.').waitFor();
    const reserve = bob.page.getByRole('button', { name: 'Reserve', exact: true });
    await bob.page.getByLabel('How many machines').fill('4');
    await bob.page.getByText('You may hold 3 machines at once and hold 0. An admin can raise it: admin.').waitFor();
    expect(await reserve.isDisabled()).toBe(true);
    await bob.page.getByLabel('How many machines').fill('2');
    await bob.page.getByText('8 h', { exact: true }).click();
    await bob.page.getByText('A reservation of yours may last 2 h at most.').waitFor();
    expect(await reserve.isDisabled()).toBe(true);
    await bob.page.getByText('1 h', { exact: true }).click();
    await reserve.click();
    await bob.page.getByRole('article').first().waitFor({ timeout: 20_000 });

    // Lowered below what is held: nothing ends, nothing new is given; the refusal of the server is shown as it is.
    await bob.page.goto('/reservations?new=1');
    await bob.page.getByText('You hold 2 of 3 machines.').waitFor();
    await setForBob(async (ofBob) => {
      await ofBob.getByText('bob holds 2 machines in 1 reservation.').waitFor();
      await ofBob.getByLabel('Machines at once: at most').fill('1');
    });
    await reserve.click();
    await bob.page
      .getByText('Machines: you have 2 and this takes 1 more; you may have 1 at once; an admin can raise it: admin')
      .waitFor();
    await bob.page.getByText('You hold 2 of 1 machine.').waitFor();
    expect(await reserve.isDisabled()).toBe(true);
    await bob.page.goto('/settings');
    const panel = bob.page.getByRole('region', { name: 'Limits' });
    await panel.getByText('2 of 1 used').waitFor();
    await panel.getByText('at most 120').waitFor();
    expect((await server.call('GET', '/reservations')).body.reservations).toHaveLength(2);

    await page.getByRole('link', { name: 'Audit log' }).click();
    await page
      .getByRole('row', { name: /limits changed.*bob/ })
      .first()
      .waitFor();
    const expected = /409 \(Conflict\)/;
    expect([...admin.errors, ...bob.errors].filter((error) => !expected.test(error))).toEqual([]);
    await Promise.all([admin.context.close(), bob.context.close()]);
  });
});
