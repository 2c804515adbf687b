import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildPageIfChanged } from '../../scripts/page.ts';
import { withFileLock } from './file-lock.ts';

/** The folder that the standalone server serves, with the page as its source is now. */
export async function builtPage(): Promise<string> {
  await withFileLock(join(tmpdir(), 'berth-page.lock'), async () => {
    if (!buildPageIfChanged()) throw new Error('the web page could not be built');
  });
  return 'src/web/dist';
}
