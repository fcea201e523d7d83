import assert from 'node:assert/strict';
import { test } from 'node:test';
import { processMemoryBytes, queuedBytesOf } from './by-mode-and-memory.ts';

test('what may wait for clients follows the memory of the process, within bounds', () => {
  const mib = 1_048_576;
  for (const [memory, queued] of [
    [128, 32],
    [512, 32],
    [768, 48],
    [8_192, 512],
    [65_536, 1_024],
  ] as const)
    assert.equal(queuedBytesOf(memory * mib), queued * mib);
  assert.ok(processMemoryBytes() > 0 && Number.isFinite(processMemoryBytes()));
});
