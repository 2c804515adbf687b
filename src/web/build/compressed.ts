import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';

/** Smaller files are not worth a second look. */
const LEAST_BYTES = 1_024;

/** Puts each file of the page beside itself once more as .gz and .br, so that a server need not compress it for everybody. */
export function compressed(): Plugin {
  return {
    name: 'berth-compressed',
    apply: 'build',
    writeBundle({ dir = '' }, bundle) {
      for (const file of Object.keys(bundle)) {
        const content = readFileSync(join(dir, file));
        if (!/\.(js|css|html|svg)$/.test(file) || content.length < LEAST_BYTES) continue;
        writeFileSync(join(dir, `${file}.gz`), gzipSync(content, { level: 9 }));
        writeFileSync(join(dir, `${file}.br`), brotliCompressSync(content));
      }
    },
  };
}
