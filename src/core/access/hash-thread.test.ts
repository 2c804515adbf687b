import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { createHashThread } from './hash-thread.ts';

test('each password gets its own hash, also when many are asked for at once', async () => {
  const thread = createHashThread();
  const words = ['one', 'two words', "quote ' and ü"];
  const hashes = await Promise.all(words.map((word) => thread.hash(word)));
  for (const [index, hash] of hashes.entries()) {
    const salt = /^\$6\$([^$]+)\$/.exec(hash)?.[1] as string;
    // OpenSSL knows the same scheme.
    const { stdout } = spawnSync('openssl', ['passwd', '-6', '-salt', salt, '-stdin'], {
      input: `${words[index]}\n`,
      encoding: 'utf8',
    });
    expect(stdout.trim()).toBe(hash);
  }
  await thread.close();
});

test('a hash that the end cuts off is a failure, not a promise for ever', async () => {
  const thread = createHashThread();
  const cut = thread.hash('cut off').catch((error: Error) => error.message);
  await thread.close();
  expect(await cut).toContain('has ended');
  // And the next one starts anew.
  expect(await thread.hash('again')).toMatch(/^\$6\$/);
  await thread.close();
});
