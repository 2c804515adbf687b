import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkNewPassword, passwordProblem } from './password-rules.ts';

const RULES = { minLength: 12, enforced: true };
const problem = (password: string, username = 'alice') => passwordProblem(RULES, password, username);

describe('a new password', () => {
  it.each(['s3cret', 'change-me', 'elevenchars', '👍👍👍👍👍👍'])('%s is too short', (password) => {
    expect(problem(password)).toMatch(/too short; at least 12 characters/);
  });

  it.each(['unbelievable', 'UnBelievable', 'unbelievable1!', '!!professional', '123456789012', 'qwertyuiop12'])(
    '%s is one of those that are tried first',
    (password) => {
      expect(problem(password)).toMatch(/tried first/);
    },
  );

  it.each(['alicealicealice', 'Alice-2026-01-31', 'berth-berth-1', 'Berth-Alice-99', 'berth.berth.it'])(
    '%s is made of the names that everybody knows here',
    (password) => {
      expect(problem(password)).toMatch(/user name or of "berth"/);
    },
  );

  it.each(['aaaaaaaaaaaaaaaa', 'xyxyxyxyxyxyxyxy', '-_-_-_-_-_-_-_-_-'])('%s repeats itself', (password) => {
    expect(problem(password)).toMatch(/same few characters/);
  });

  it.each([
    'correct horse battery staple',
    'my berth is by the window',
    'alice likes long walks',
    'pässwörd 🚢 über alles',
    '7f3K-0pQz-88Lm',
  ])('%s is taken', (password) => {
    expect(problem(password)).toBeNull();
  });

  it('has to be as long as the setting says', () => {
    expect(passwordProblem({ minLength: 20, enforced: true }, 'nineteen characters', 'alice')).toContain('at least 20');
    expect(passwordProblem({ minLength: 8, enforced: true }, 'kz7#wq2x', 'alice')).toBeNull();
  });

  it('is refused by the name of its rule where rules are enforced, and taken elsewhere', () => {
    expect(() => checkNewPassword(RULES, 's3cret', 'alice')).toThrow(
      expect.objectContaining({
        code: 'invalid_request',
        message: expect.stringMatching(/^password: it is too short/),
      }),
    );
    expect(() => checkNewPassword({ ...RULES, enforced: false }, 's3cret', 'alice')).not.toThrow();
    expect(() => checkNewPassword({ ...RULES, enforced: false }, 'a\nb', 'alice')).toThrow('control characters');
  });

  it('is compared with a list of more than ten thousand, in microseconds', () => {
    const text = readFileSync(new URL('common-passwords.txt', import.meta.url), 'utf8');
    const list = text.slice(text.indexOf('\n\n') + 2).split('\n');
    expect(list.length).toBeGreaterThan(40_000);
    expect(list.every((line) => line === line.toLowerCase())).toBe(true);
    problem('the list is read now');
    const began = performance.now();
    for (let i = 0; i < 10_000; i++) problem(`${i} some words in a row`);
    expect(performance.now() - began).toBeLessThan(1_000);
  });
});
