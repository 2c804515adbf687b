// How fast the page is with a large pool, in a real browser.
import type { Browser, Page } from 'playwright-core';
import { openBrowser, signIn, visit } from '../test/support/browser.ts';
import { ADMIN_PASSWORD } from '../test/support/processes.ts';
import { startWebServer } from '../test/support/web-server.ts';
import { enlarge } from '../test/web/enlarge.ts';
import { median, table } from './figures.ts';

/** What is typed, and the first machine that fits it. */
const STEPS = [
  ['rack-4', 'rack-4000'],
  ['rack-49', 'rack-4900'],
  ['rack-499', 'rack-4990'],
  ['rack-49', 'rack-4900'],
  ['rack-4', 'rack-4000'],
  ['', 'rack-0000'],
] as const;
const SCREENS = 120;

/** From the input event until the frame that shows the machines that fit has been painted, for each change of the field. */
async function filtering(page: Page): Promise<number[]> {
  return (await page.evaluate(`(async () => {
    const field = document.querySelector('input[type=search]');
    const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    // What is asked for in a frame comes after it was painted.
    const painted = async () => { await frame(); await new Promise((resolve) => {
      const channel = new MessageChannel();
      channel.port1.onmessage = resolve;
      channel.port2.postMessage(null);
    }); };
    const took = [];
    for (const [letters, first] of ${JSON.stringify(STEPS)}) {
      await frame();
      set.call(field, letters);
      const begin = performance.now();
      field.dispatchEvent(new Event('input', { bubbles: true }));
      do await painted();
      while (!document.querySelector('.virtual-size > [role=row], .timeline-row').textContent.includes(first));
      took.push(performance.now() - begin);
    }
    return took;
  })()`)) as number[];
}

/** The time of each frame while the page is scrolled by most of a screen in every one. */
async function scrolling(page: Page): Promise<number[]> {
  return (await page.evaluate(`(async () => {
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    scrollTo(0, 0);
    const took = [];
    let before = await frame();
    for (let i = 0; i < ${SCREENS}; i++) {
      scrollBy(0, innerHeight * 0.8);
      const now = await frame();
      took.push(now - before);
      before = now;
    }
    scrollTo(0, 0);
    await frame();
    return took;
  })()`)) as number[];
}

async function measure(browser: Browser, address: string, path: string): Promise<string[]> {
  const { page, context } = await visit(browser, address, { viewport: { width: 1280, height: 800 } });
  try {
    await enlarge(page);
    await page.goto(path);
    await signIn(page, 'admin', ADMIN_PASSWORD);
    await page.getByText('rack-0000').first().waitFor();
    await filtering(page);
    const filters = await filtering(page);
    const frames = await scrolling(page);
    const ms = (value: number): string => `${value.toFixed(1)} ms`;
    return [
      path,
      ms(median(filters)),
      ms(Math.max(...filters)),
      ms(median(frames)),
      ms(frames.toSorted((a, b) => a - b)[Math.floor(frames.length * 0.95)] as number),
    ];
  } finally {
    await page.unrouteAll({ behavior: 'ignoreErrors' });
    await context.close();
  }
}

/** Filtering and scrolling lists of 5,000 machines. */
export async function benchPage(): Promise<void> {
  const [server, browser] = await Promise.all([startWebServer({ machines: 1, registered: 1 }), openBrowser()]);
  try {
    const rows: string[][] = [];
    for (const path of ['/machines', '/available', '/timeline'])
      rows.push(await measure(browser, server.address, path));
    table('The page with 5,000 machines, in Chromium', [
      ['list', 'input to paint, median', 'slowest', 'frame while scrolling, median', '95 of 100'],
      ...rows,
    ]);
  } finally {
    await browser.close();
    await server.close();
  }
}
