import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isQuiet } from './quiet-hours.ts';

const night = (timeZone: string) => ({ timeZone, fromMinute: 22 * 60, toMinute: 7 * 60 });

test('quiet hours are by the clock on the wall, and may pass midnight', () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['2026-01-15T20:59:00Z', 'Europe/Berlin', false],
    ['2026-01-15T21:00:00Z', 'Europe/Berlin', true],
    ['2026-01-16T05:59:59Z', 'Europe/Berlin', true],
    ['2026-01-16T06:00:00Z', 'Europe/Berlin', false],
    ['2026-07-15T20:00:00Z', 'Europe/Berlin', true], // in summer an hour earlier
    ['2026-07-15T19:59:00Z', 'Europe/Berlin', false],
    ['2026-01-15T16:30:00Z', 'Asia/Kolkata', true],
    ['2026-01-15T16:29:00Z', 'Asia/Kolkata', false],
    ['2026-01-15T00:00:00Z', 'UTC', true],
  ];
  for (const [time, zone, quiet] of cases) assert.equal(isQuiet(night(zone), Date.parse(time)), quiet, `${time} in ${zone}`);
});

test('hours of one day, a whole day, and none', () => {
  const noon = Date.parse('2026-01-15T12:00:00Z');
  const of = (fromMinute: number, toMinute: number) => isQuiet({ timeZone: 'UTC', fromMinute, toMinute }, noon);
  assert.deepEqual([of(720, 721), of(719, 720), of(721, 720), of(0, 0)], [true, false, false, true]);
  assert.equal(isQuiet(undefined, noon), false);
});
