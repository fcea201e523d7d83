import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openReadiness } from './readiness.ts';

test('a server that waits for its database has started, lives, and is not ready', () => {
  let waitsFor: string | undefined = 'the database cannot be reached';
  const { probes, drain } = openReadiness([], () => waitsFor);
  assert.deepEqual(
    [probes['/startupz'](), probes['/livez'](), probes['/readyz']()],
    [
      { ok: true, lines: ['the database cannot be reached'] },
      { ok: true, lines: [] },
      { ok: false, lines: ['the database cannot be reached'] },
    ],
  );
  waitsFor = undefined;
  assert.equal(probes['/readyz']().ok, true);
  drain();
  assert.deepEqual([probes['/startupz']().ok, probes['/livez']().ok, probes['/readyz']().ok], [true, true, false]);
});

test('a server that does without something is ready, and says so', () => {
  const { probes } = openReadiness(
    [],
    () => undefined,
    () => ['without Redis'],
  );
  assert.deepEqual(probes['/readyz'](), { ok: true, lines: ['without Redis'] });
});
