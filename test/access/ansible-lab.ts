import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OWN_PLAYBOOKS } from '#core/access/ansible/playbooks.ts';

/** A temporary folder that the driver under test uses, so that what it leaves there can be seen. */
export interface Lab {
  readonly folder: string;
  /** Folders of runs that are there now. */
  runs(): Promise<string[]>;
  /** A copy of the playbooks with these hooks, by file name. */
  playbooks(hooks: Readonly<Record<string, string>>): Promise<string>;
  remove(): Promise<void>;
}

export async function ansibleLab(): Promise<Lab> {
  const before = process.env['TMPDIR'];
  const folder = await mkdtemp(join(tmpdir(), 'berth-test-'));
  const temporary = join(folder, 'tmp');
  await mkdir(temporary);
  process.env['TMPDIR'] = temporary;
  let copies = 0;
  return {
    folder,
    runs: async () => (await readdir(temporary)).filter((name) => name.startsWith('berth-ansible-')),
    async playbooks(hooks) {
      copies += 1;
      const copy = join(folder, `playbooks-${copies}`);
      await cp(OWN_PLAYBOOKS, copy, { recursive: true });
      for (const [file, text] of Object.entries(hooks)) await writeFile(join(copy, 'hooks', file), text);
      return copy;
    },
    async remove() {
      if (before === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = before;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The arguments, or the environment, of every process of this host, those in containers included. */
export async function ofAllProcesses(what: 'cmdline' | 'environ'): Promise<string[]> {
  const numbers = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const texts = await Promise.all(numbers.map((number) => readFile(`/proc/${number}/${what}`, 'utf8').catch(() => '')));
  return texts.map((text) => text.replaceAll('\0', ' ')).filter((text) => text !== '');
}
