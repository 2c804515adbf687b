// `npm run bundle:cli`: the whole command line in one file, dist/berth.mjs, that runs without node_modules.
import { chmodSync, statSync } from 'node:fs';
import { build } from 'esbuild';

const FILE = 'dist/berth.mjs';

await build({
  entryPoints: ['src/cli/main.ts'],
  outfile: FILE,
  bundle: true,
  minify: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  legalComments: 'none',
  banner: {
    // Some packages in it are CommonJS and require parts of Node.
    js: "#!/usr/bin/env node\nimport { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);",
  },
});
chmodSync(FILE, 0o755);
console.log(`${FILE}: ${Math.round(statSync(FILE).size / 1024)} KiB`);
