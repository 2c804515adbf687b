import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

export interface TestFolder {
  readonly path: string;
  remove(): void;
}

export function freshFolder(): TestFolder {
  const path = mkdtempSync(join(tmpdir(), 'berth-admin-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Only root can mount. */
export const canMount = userInfo().uid === 0;

/** A folder on a disk of its own with so many bytes. */
export function smallDisk(bytes: number): TestFolder {
  const { path, remove } = freshFolder();
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=0755`, 'tmpfs', path]);
  return {
    path,
    remove() {
      execFileSync('umount', [path]);
      remove();
    },
  };
}
