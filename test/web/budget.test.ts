import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, expect, it } from 'vitest';
import { builtPage } from '../support/page-build.ts';

const MOST_SCRIPT = 170_000;
const MOST_STYLE = 35_000;

let folder: string;
beforeAll(async () => {
  folder = await builtPage();
});

interface Chunk {
  readonly file: string;
  readonly isEntry?: boolean;
  readonly imports?: readonly string[];
  readonly css?: readonly string[];
}

/** Compressed bytes of the files that the first page needs before it can be used. */
function firstLoad(): { script: number; style: number } {
  const manifest = JSON.parse(readFileSync(join(folder, '.vite/manifest.json'), 'utf8')) as Record<string, Chunk>;
  const files = new Set<string>();
  const add = (key: string): void => {
    const chunk = manifest[key] as Chunk;
    if (files.has(chunk.file)) return;
    files.add(chunk.file);
    for (const style of chunk.css ?? []) files.add(style);
    for (const other of chunk.imports ?? []) add(other);
  };
  for (const [key, { isEntry }] of Object.entries(manifest)) if (isEntry) add(key);
  const bytes = (ending: string): number =>
    [...files]
      .filter((file) => file.endsWith(ending))
      .reduce((sum, file) => sum + gzipSync(readFileSync(join(folder, file)), { level: 6 }).length, 0);
  return { script: bytes('.js'), style: bytes('.css') };
}

it('the first load stays small', () => {
  const { script, style } = firstLoad();
  console.log(`first load, gzipped: ${script} bytes of script, ${style} of style`);
  expect(script).toBeGreaterThan(50_000);
  expect(script).toBeLessThanOrEqual(MOST_SCRIPT);
  expect(style).toBeGreaterThan(5_000);
  expect(style).toBeLessThanOrEqual(MOST_STYLE);
});

it('the page itself has no script or style that a strict policy would refuse', () => {
  const html = readFileSync(join(folder, 'index.html'), 'utf8');
  expect(html).not.toMatch(/<script(?![^>]*\ssrc=)/);
  expect(html).not.toMatch(/<style|\sstyle=|\son\w+=/);
});
