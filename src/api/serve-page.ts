import { readdirSync } from 'node:fs';
import { relative, resolve, sep } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { OWN_FILES_ONLY } from './strict-headers.ts';

/** Names under which the build puts what never changes: each has a digest of its content in it. */
const FOREVER = /^assets\//;

/**
 * Serves the built web page. What is no file of it is a place inside the page, for browsers that ask for a document, and
 * nothing at all for everybody else. Only the files that are there now are ever sent.
 */
export async function servePage(app: FastifyInstance, folder: string): Promise<void> {
  const files = new Set(listFiles(folder));
  if (!files.has('index.html')) return;
  await app.register(fastifyStatic, { root: folder, serve: false, preCompressed: true, cacheControl: false });
  const send = (reply: FastifyReply, file: string): FastifyReply =>
    reply
      .header('content-security-policy', OWN_FILES_ONLY)
      .header('cache-control', FOREVER.test(file) ? 'public, max-age=31536000, immutable' : 'no-cache')
      .sendFile(file);

  app.get('/*', { schema: { hide: true } }, async (request, reply) => {
    const path = (request.params as { '*': string })['*'];
    if (files.has(path)) return send(reply, path);
    const isPlace = !/^(api|metrics)(\/|$)/.test(path) && (request.headers.accept ?? '').includes('text/html');
    return isPlace ? send(reply, 'index.html') : reply.callNotFound();
  });
}

function listFiles(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
      .map((entry) => relative(folder, resolve(entry.parentPath, entry.name)).split(sep).join('/'))
      .filter((file) => !file.startsWith('.'));
  } catch {
    return [];
  }
}
