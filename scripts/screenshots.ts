// `npm run screenshots`: pictures of the page for docs/screenshots, from a real server with simulated machines.
import { mkdirSync } from 'node:fs';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { openBrowser, PHONE, signIn, visit } from '../test/support/browser.ts';
import { ADMIN_PASSWORD } from '../test/support/processes.ts';
import { startWebServer, type WebServer } from '../test/support/web-server.ts';

const FOLDER = 'docs/screenshots';
const PASSWORD = 'a-password-for-pictures';
const MACHINES = [
  ...['gpu-1', 'gpu-2', 'gpu-3', 'gpu-4'].map((name) => ({ name, labels: ['gpu', 'debian'] })),
  ...['build-1', 'build-2', 'build-3', 'build-4', 'build-5'].map((name) => ({ name, labels: ['ci', 'alpine'] })),
  ...['arm-1', 'arm-2', 'arm-3'].map((name) => ({ name, labels: ['arm64'] })),
];

mkdirSync(FOLDER, { recursive: true });
const [server, browser] = await Promise.all([startWebServer({ machines: MACHINES.length }), openBrowser()]);
try {
  const reservation = await fill(server);
  const pictures: [string, string, BrowserContextOptions?, ((page: Page) => Promise<unknown>)?][] = [
    ['dashboard', '/'],
    ['dashboard-dark', '/', { colorScheme: 'dark' }],
    ['dashboard-phone', '/', PHONE],
    ['reserve', '/reservations?new=1', {}, (page) => page.getByRole('button', { name: 'One more' }).click()],
    ['connect', `/reservations/${reservation}`],
    ['machines', '/machines'],
    ['timeline', '/timeline', {}, (page) => page.getByText('6 h', { exact: true }).click()],
    ['palette', '/', { colorScheme: 'dark' }, (page) => page.keyboard.press('Control+k')],
  ];
  for (const [name, address, options, prepare] of pictures) await take(browser, name, address, options, prepare);
} finally {
  await browser.close();
  await server.close();
}

/** People with machines, as on a working day. Answers a reservation of the admin. */
async function fill({ call, machines, callAs }: WebServer): Promise<string> {
  for (const [index, { name, labels }] of MACHINES.entries()) {
    const { host, port, user, password } = machines[index] as (typeof machines)[number];
    await call('POST', '/machines', { name, labels, host, port, user, password });
  }
  while ((await call('GET', '/available')).body.available.length < MACHINES.length) await pause();
  const made = await call('POST', '/reservations?wait=30', {
    machines: ['gpu-4', 'build-5'],
    count: 2,
    duration_minutes: 180,
  });
  const wishes = {
    alice: { count: 2, labels: ['gpu'], duration_minutes: 240 },
    bob: { count: 2, labels: ['ci'], duration_minutes: 95 },
  };
  for (const [username, wish] of Object.entries(wishes)) {
    await call('POST', '/users', { username, password: PASSWORD });
    await (await callAs(username, PASSWORD))('POST', '/reservations?wait=30', wish);
  }
  await call('PATCH', '/machines/arm-3', { disabled: true });
  return made.body.reservation_id;
}

async function take(
  from: Browser,
  name: string,
  address: string,
  options: BrowserContextOptions = {},
  prepare: (page: Page) => Promise<unknown> = async () => undefined,
): Promise<void> {
  const { page, context } = await visit(from, server.address, {
    viewport: { width: 1280, height: 800 },
    colorScheme: 'light',
    ...options,
  });
  await page.goto(address);
  await signIn(page, 'admin', ADMIN_PASSWORD);
  while ((await page.locator('[aria-busy=true]').count()) > 0) await pause();
  await prepare(page);
  await pause();
  await page.screenshot({ path: `${FOLDER}/${name}.png` });
  console.log(`${FOLDER}/${name}.png`);
  await context.close();
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 300));
}
