import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestApi, type TestApi } from '../support/test-api.ts';

let api: TestApi;
let bare: TestApi;
const folder = mkdtempSync(join(tmpdir(), 'berth-page-'));
const SCRIPT = 'console.log("page");'.repeat(200);

beforeAll(async () => {
  mkdirSync(join(folder, 'dist/assets'), { recursive: true });
  mkdirSync(join(folder, 'dist/.vite'));
  writeFileSync(join(folder, 'dist/index.html'), '<!doctype html><title>Berth</title>');
  writeFileSync(join(folder, 'dist/icon.svg'), '<svg/>');
  writeFileSync(join(folder, 'dist/assets/main-abc123.js'), SCRIPT);
  writeFileSync(join(folder, 'dist/assets/main-abc123.js.gz'), gzipSync(SCRIPT));
  writeFileSync(join(folder, 'dist/.vite/manifest.json'), '{}');
  writeFileSync(join(folder, 'dist/.env'), 'SECRET=x');
  writeFileSync(join(folder, 'secret.txt'), 'SECRET');
  symlinkSync(join(folder, 'secret.txt'), join(folder, 'dist/link.txt'));
  api = await openTestApi({ pageFolder: join(folder, 'dist') });
  bare = await openTestApi({ pageFolder: join(folder, 'no-such-folder') });
});
afterAll(async () => {
  await api.close();
  await bare.close();
  rmSync(folder, { recursive: true });
});

const HTML = 'text/html,application/xhtml+xml,*/*;q=0.8';
const get = (url: string, headers: Record<string, string> = {}) => api.app.inject({ method: 'GET', url, headers });

describe('the web page', () => {
  it('is served at every place inside it', async () => {
    for (const url of [
      '/',
      '/index.html',
      '/machines/m1',
      '/reservations/x/terminal/m.1',
      '/login?next=%2F',
      '/apiary',
    ]) {
      const answer = await get(url, { accept: HTML });
      expect([answer.statusCode, answer.body], url).toEqual([200, '<!doctype html><title>Berth</title>']);
      expect(answer.headers['content-type']).toContain('text/html');
      expect(answer.headers['cache-control']).toBe('no-cache');
    }
  });

  it('may run no script and no style but its own, and be in no frame', async () => {
    const policy = String((await get('/', { accept: HTML })).headers['content-security-policy']);
    expect(policy).toContain("default-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
  });

  it('has files that never change, and are sent compressed to those who take it', async () => {
    const plain = await get('/assets/main-abc123.js');
    expect(plain.body).toBe(SCRIPT);
    expect(plain.headers).toMatchObject({ 'cache-control': 'public, max-age=31536000, immutable' });
    expect(plain.headers['content-type']).toContain('javascript');
    const small = await get('/assets/main-abc123.js', { 'accept-encoding': 'gzip' });
    expect(small.headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(small.rawPayload).toString()).toBe(SCRIPT);
    expect((await get('/icon.svg')).headers['cache-control']).toBe('no-cache');
  });

  it.each([
    '/assets/gone-000000.js',
    '/../secret.txt',
    '/..%2fsecret.txt',
    '/%2e%2e/secret.txt',
    '/assets/..%5c..%5csecret.txt',
    '/link.txt',
    '/.env',
    '/.vite/manifest.json',
    '/%00',
    '//etc/passwd',
    '/etc/passwd',
  ])('has no %s', async (url) => {
    const answer = await get(url);
    expect(answer.statusCode).toBeGreaterThanOrEqual(400);
    expect(answer.statusCode).toBeLessThan(500);
    expect(answer.body).not.toContain('SECRET');
    expect(answer.headers['content-type']).toContain('application/json');
  });

  it('leaves the API as it is', async () => {
    expect((await get('/api/healthz', { accept: HTML })).json()).toEqual({ status: 'ok' });
    for (const url of ['/api/nothing', '/api', '/metrics/x']) {
      const answer = await get(url, { accept: HTML });
      expect([answer.statusCode, answer.json().error], url).toEqual([404, 'not_found']);
    }
    expect((await get('/api/machines', { accept: HTML })).statusCode).toBe(401);
    expect((await api.app.inject({ method: 'POST', url: '/' })).statusCode).toBe(404);
  });

  it('is not there where it was not built', async () => {
    expect((await bare.call(null, 'GET', '/', undefined, { accept: HTML })).status).toBe(404);
  });
});
