import { verify } from '@node-rs/argon2';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openTestApi, PASSWORD, type TestApi } from '../support/test-api.ts';

/** The real thing, counted: how many guesses reach the password check. */
vi.mock('@node-rs/argon2', async (original) => {
  const real = await original<typeof import('@node-rs/argon2')>();
  return { ...real, verify: vi.fn(real.verify) };
});
const looked = (): number => vi.mocked(verify).mock.calls.length;

const TRIES = 10_000;
const OFFICE = '192.0.2.10';
const HOTEL = '203.0.113.77';
/** Any number of addresses, no two in one network. */
const attacker = (i: number): string => `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`;

let api: TestApi;
beforeEach(async () => {
  api = await openTestApi();
});
afterEach(() => api.close());

async function login(remoteAddress: string, username: string, password: string) {
  const payload = { username, password };
  const answer = await api.app.inject({ method: 'POST', url: '/api/login', remoteAddress, payload });
  return { status: answer.statusCode, body: answer.json(), retryAfter: answer.headers['retry-after'] };
}

/** All tries, 20 at a time; `seconds` pass before each. Answers how often each status was told. */
async function attack(from: (i: number) => string, name: (i: number) => string, seconds = 0) {
  vi.mocked(verify).mockClear();
  const told: Record<number, number> = {};
  const atOnce = seconds === 0 ? 20 : 1;
  for (let i = 0; i < TRIES; i += atOnce) {
    api.core.pass(seconds);
    const some = Array.from({ length: atOnce }, (_, j) => login(from(i + j), name(i + j), `guess ${i + j}`));
    for (const { status } of await Promise.all(some)) told[status] = (told[status] ?? 0) + 1;
  }
  return told;
}

describe(`${TRIES} tries to sign in`, () => {
  it('at once from one address for one name: ten passwords are looked at', { timeout: 120_000 }, async () => {
    await login(OFFICE, 'admin', PASSWORD);
    expect(
      await attack(
        () => attacker(1),
        () => 'admin',
      ),
    ).toEqual({ 401: 10, 429: TRIES - 10 });
    expect(looked()).toBe(10);
    expect((await login(OFFICE, 'admin', PASSWORD)).status).toBe(200);
    expect((await login(HOTEL, 'admin', PASSWORD)).status).toBe(429);
    api.core.pass(300);
    expect((await login(HOTEL, 'admin', PASSWORD)).status).toBe(200);
  });

  it('at once from as many addresses for one name: ten passwords are looked at', { timeout: 120_000 }, async () => {
    await login(OFFICE, 'admin', PASSWORD);
    expect(await attack(attacker, () => 'admin')).toEqual({ 401: 10, 429: TRIES - 10 });
    expect(looked()).toBe(10);
    expect((await login(OFFICE, 'admin', PASSWORD)).status).toBe(200);
    const refused = await login(HOTEL, 'admin', PASSWORD);
    expect(refused).toMatchObject({ status: 429, body: { error: 'too_many_requests', retry_after_seconds: 1 } });
    expect(refused.retryAfter).toBe('1');
    api.core.pass(300);
    expect((await login(HOTEL, 'admin', PASSWORD)).status).toBe(200);
  });

  it('in a day from as many addresses for one name: about twelve an hour are looked at', {
    timeout: 120_000,
  }, async () => {
    await login(OFFICE, 'admin', PASSWORD);
    await attack(attacker, () => 'admin', (24 * 3600) / TRIES);
    const guesses = looked();
    console.log(`guesses looked at in a day, from many addresses for one name: ${guesses}`);
    expect(guesses).toBeGreaterThan(10);
    expect(guesses).toBeLessThan(310);
    // At any moment of it.
    expect((await login(OFFICE, 'admin', PASSWORD)).status).toBe(200);
    api.core.pass(300);
    expect((await login(HOTEL, 'admin', PASSWORD)).status).toBe(200);
  });

  it('in a day from one address for as many names: about twelve an hour are looked at', {
    timeout: 120_000,
  }, async () => {
    await attack(
      () => attacker(1),
      (i) => `name${i}`,
      (24 * 3600) / TRIES,
    );
    const guesses = looked();
    console.log(`guesses looked at in a day, from one address for many names: ${guesses}`);
    expect(guesses).toBeLessThan(360);
    expect((await login(OFFICE, 'admin', PASSWORD)).status).toBe(200);
  });

  it('from one /64 of IPv6 for as many names at once: fifty passwords are looked at', {
    timeout: 120_000,
  }, async () => {
    const told = await attack(
      (i) => `2001:db8::${i.toString(16)}`,
      (i) => `name${i}`,
    );
    expect(told).toEqual({ 401: 50, 429: TRIES - 50 });
    expect(looked()).toBe(50);
  });

  it('with a token that was found, for its old password: ten are looked at', { timeout: 120_000 }, async () => {
    const token = await api.token('bob');
    vi.mocked(verify).mockClear();
    for (let i = 0; i < 500; i++) {
      const change = { old_password: `guess ${i}`, new_password: 'now it is mine alone' };
      await api.call(token, 'POST', '/api/profile/password', change);
    }
    expect(looked()).toBe(10);
  });
});
