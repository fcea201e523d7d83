import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Metadata } from 'nice-grpc-common';
import { fakeClock } from '../../../test/support/time/clock.ts';
import { Fault } from '../kit/fault.ts';
import type { Answer, Call } from '../ports/call.ts';
import { refuseWhileDraining } from './refuse-while-draining.ts';

const answer: Answer = { metadata: Metadata(), body: new Uint8Array(), trailers: Metadata() };
const clock = fakeClock();
let draining = false;
const interceptor = refuseWhileDraining({ draining: () => draining, graceMs: 10_000, clock });
const stream = (leftMs?: number) => interceptor({ deadlineAtMs: leftMs === undefined ? undefined : clock.nowMs() + leftMs } as Call, () => answer);

test('streams are taken on until the server drains, then only those that end in time', () => {
  assert.deepEqual([stream(), stream(60_000)], [answer, answer]);
  draining = true;
  for (const leftMs of [undefined, 10_001])
    assert.throws(
      () => stream(leftMs),
      (error) => error instanceof Fault && error.reason === 'DRAINING',
    );
  assert.equal(stream(10_000), answer);
});
