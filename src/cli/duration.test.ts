import { describe, expect, it } from 'vitest';
import { lengthText, minutesOf } from './duration.ts';

describe('lengths of time', () => {
  it.each([
    ['90m', 90],
    ['1h30m', 90],
    ['2d', 2_880],
    ['1d1h1m', 1_501],
    ['45', 45],
    [' 2H ', 120],
  ])('%j are %i minutes', (text, minutes) => expect(minutesOf(text)).toBe(minutes));

  it.each(['', '0', '0m', '-5m', '1.5h', '90s', '1m1h', '90 m', 'h', '1e3'])('%j is none', (text) => {
    expect(() => minutesOf(text)).toThrow('90m, 1h30m or 2d');
  });

  it.each([
    [0, '0s'],
    [59, '59s'],
    [61, '1m'],
    [5_400, '1h 30m'],
    [90_000, '1d 1h'],
    [-3, '0s'],
  ])('%i seconds are shown as %s', (seconds, text) => expect(lengthText(seconds)).toBe(text));
});
