import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumInstalled, openBrowser, signIn, visit } from '../support/browser.ts';
import {
  dockerAvailable,
  ensureLabImages,
  type LabMachine,
  type MachineKind,
  startMachine,
} from '../support/docker-lab.ts';
import { ADMIN_PASSWORD } from '../support/processes.ts';
import { startWebServer, type WebServer } from '../support/web-server.ts';

const BOB = 'a-password-of-bob';
const KINDS: readonly MachineKind[] = ['debian', 'debian', 'busybox'];
/** What a change may take until another browser shows it. */
const LIVE = { timeout: 15_000 };

const screen = (page: Page) => page.locator('.xterm-rows');

/** The whole way of a machine, by clicks alone, with machines that are real: OpenSSH and dropbear in containers. */
describe.skipIf(!chromiumInstalled() || !dockerAvailable())('the story by clicks, on real machines', () => {
  let server: WebServer;
  let browser: Browser;
  let machines: LabMachine[];
  beforeAll(async () => {
    await ensureLabImages();
    [server, browser, machines] = await Promise.all([
      startWebServer({ machines: 1 }),
      openBrowser(),
      Promise.all(KINDS.map((kind) => startMachine(kind))),
    ]);
    await server.call('POST', '/users', { username: 'bob', password: BOB });
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await Promise.all((machines ?? []).map((one) => one.remove()));
  });

  it('signs in, registers three, reserves two, types in a terminal, reloads, extends, releases; they are clean and free', {
    timeout: 240_000,
  }, async () => {
    const admin = await visit(browser, server.address, {
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    const bob = await visit(browser, server.address);
    const { page } = admin;
    await bob.page.goto('/available');
    await signIn(bob.page, 'bob', BOB);
    await bob.page.getByRole('heading', { name: 'There are no machines yet' }).waitFor();

    await page.goto('/machines');
    await signIn(page, 'admin', ADMIN_PASSWORD);
    await page.getByRole('button', { name: 'From machines.yml' }).click();
    const entries = machines.map(
      ({ host, port, user, password }, index) =>
        `  - { name: real-${index + 1}, host: ${host}, port: ${port}, user: ${user}, password: "${password}" }\n`,
    );
    await page.getByLabel('machines.yml', { exact: true }).fill(`machines:\n${entries.join('')}`);
    await page.getByRole('button', { name: 'Register 3 machines' }).click();
    await page.getByText('3 registered, 0 refused').waitFor();
    await page.getByRole('button', { name: 'Close' }).click();
    await expect.poll(() => page.getByRole('row', { name: /real-\d Free/ }).count(), { timeout: 60_000 }).toBe(3);
    await bob.page.getByText('3 of 3 free').waitFor(LIVE);

    await page.getByRole('link', { name: 'Reservations' }).click();
    await page.getByRole('link', { name: 'Reserve machines' }).click();
    await page.getByRole('button', { name: 'One more' }).click();
    await page.getByText('2 of 3 free machines').waitFor();
    await page.getByRole('button', { name: 'Reserve', exact: true }).click();
    // Often the accounts are there before anybody could read that they are being made.
    await page.getByRole('heading', { name: 'Making your accounts' }).or(page.getByRole('article')).first().waitFor();
    const cards = page.getByRole('article');
    await expect.poll(() => cards.count(), { timeout: 60_000 }).toBe(2);
    await bob.page.getByText('1 of 3 free, 2 reserved').waitFor(LIVE);

    // What is copied is what is shown.
    const first = cards.first();
    const name = (await first.getByRole('heading').textContent()) as string;
    const machine = machines[Number(name.slice(-1)) - 1] as LabMachine;
    await first.getByRole('button', { name: `Copy the ssh command for ${name}` }).click();
    const copied = () => page.evaluate('navigator.clipboard.readText()');
    expect(await copied()).toBe(`ssh -p ${machine.port} admin@127.0.0.1`);
    await first.getByRole('button', { name: 'ssh config and host key' }).click();
    await first.getByRole('button', { name: `Copy the ssh config for ${name}` }).click();
    expect(await copied()).toMatch(new RegExp(`^Host ${name}\\n +HostName 127.0.0.1\\n +Port ${machine.port}\\n`));
    await first.getByRole('button', { name: `Copy the known_hosts line for ${name}` }).click();
    const known = (await machine.exec('cat /etc/ssh/ssh_host_ed25519_key.pub 2>/dev/null || true')).split(' ');
    expect(await copied()).toMatch(new RegExp(`^\\[127\\.0\\.0\\.1\\]:${machine.port} [a-z0-9-]+ [A-Za-z0-9+/]+=*$`));
    if (known.length > 1) expect(await copied()).toContain(`${known[0]} ${known[1]}`);

    const address = page.url();
    await first.getByRole('link', { name: 'Open terminal' }).click();
    await page.getByText('Connected', { exact: true }).waitFor({ timeout: 20_000 });
    await page.keyboard.type('whoami; kept=$((40+2))\n');
    await expect.poll(() => screen(page).textContent(), { timeout: 15_000 }).toMatch(/kept=.*admin/s);
    await page.reload();
    await page.getByText('Connected', { exact: true }).waitFor({ timeout: 20_000 });
    await page.keyboard.type('clear; echo "same-$kept-shell"\n');
    await expect.poll(() => screen(page).textContent(), { timeout: 15_000 }).toContain('same-42-shell');

    await page.getByRole('link', { name: 'Reservation', exact: true }).click();
    expect(page.url()).toBe(address);
    await page.getByRole('button', { name: 'Extend' }).click();
    await page.getByRole('button', { name: 'by 1 h' }).click();
    await page.getByRole('definition').filter({ hasText: /^2 h$/ }).waitFor();

    // The end closes the terminal at once, wherever the release is clicked.
    await first.getByRole('link', { name: 'Open terminal' }).click();
    await page.getByText('Connected', { exact: true }).waitFor({ timeout: 20_000 });
    const other = await admin.context.newPage();
    await other.goto(address);
    await other.getByRole('main').getByRole('button', { name: 'Release' }).click();
    await other.getByRole('dialog').getByRole('button', { name: 'Release' }).click();
    await page.getByText('Your reservation has ended, and the shell with it.').waitFor({ timeout: 10_000 });
    await expect.poll(() => other.getByText(/^account gone, .*sessions gone/).count(), { timeout: 60_000 }).toBe(2);
    await bob.page.getByText('3 of 3 free').waitFor(LIVE);
    for (const one of machines) expect(await one.exec('grep -c ^admin: /etc/passwd || true')).toBe('0');

    expect([...admin.errors, ...bob.errors]).toEqual([]);
    await Promise.all([admin.context.close(), bob.context.close()]);
  });
});
