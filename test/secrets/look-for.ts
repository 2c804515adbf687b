import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { ofAllProcesses } from '../access/ansible-lab.ts';

/** Secrets by what they are. */
export type Secrets = Record<string, string>;

/** The ways in which a text could have been written down. */
function spellings(text: string): Buffer[] {
  const bytes = Buffer.from(text);
  const base64 = bytes.toString('base64');
  const all = [
    text,
    encodeURIComponent(text),
    JSON.stringify(text).slice(1, -1),
    // The last group depends on what follows.
    base64.slice(0, Math.floor(bytes.length / 3) * 4),
    bytes.toString('hex'),
    bytes.toString('hex').toUpperCase(),
  ];
  return [...[...new Set(all)].map((one) => Buffer.from(one)), Buffer.from(text, 'utf16le')];
}

/** Which of the secrets are in there, each as `name in place`. */
export function found(secrets: Secrets, place: string, content: Buffer): string[] {
  return Object.entries(secrets).flatMap(([name, secret]) =>
    spellings(secret).some((spelling) => content.includes(spelling)) ? [`${name} in ${place}`] : [],
  );
}

/** The same for every file in a folder, at any depth, packed ones unpacked. */
export async function foundInFiles(secrets: Secrets, folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const all: string[] = [];
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    // It may have gone since.
    const content = await readFile(path).catch(() => Buffer.alloc(0));
    all.push(...found(secrets, path, content));
    if (content[0] === 0x1f && content[1] === 0x8b)
      all.push(...found(secrets, `${path} (unpacked)`, gunzipSync(content)));
  }
  return all;
}

/** Notes the arguments of all processes of this host, those in containers included, until it is stopped. */
export function watchArguments(): { stop(): Promise<string> } {
  const seen = new Set<string>();
  let over = false;
  const watching = (async () => {
    while (!over) {
      for (const text of await ofAllProcesses('cmdline')) seen.add(text);
      await pause(5);
    }
  })();
  return {
    async stop() {
      over = true;
      await watching;
      return [...seen].join('\n');
    },
  };
}
