import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Builds the page as users get it. In a process of its own: the test runner's NODE_ENV would make it another one. */
export async function buildPage(folder: string): Promise<void> {
  const { NODE_ENV: _, ...env } = process.env;
  const options = ['build', 'src/web', '--outDir', folder, '--emptyOutDir', '--logLevel', 'error'];
  await promisify(execFile)(process.execPath, ['node_modules/vite/bin/vite.js', ...options], { env });
}
