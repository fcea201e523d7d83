import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createNoopMeter } from '@opentelemetry/api';
import { fakeClock } from '../../../test/support/time/clock.ts';
import { StreamResponse } from '../../gen/portico/v1/stream.ts';
import type { Caller, Lifetime } from '../ports/call.ts';
import { openWaitingBytes } from './send-memory-limit.ts';
import { openStream } from './stream.ts';
import type { StreamLimits } from './stream-limits.ts';

const limits: StreamLimits = {
  heartbeatMs: 25_000,
  helloMs: 10_000,
  bytesMax: 1_000,
  unacknowledgedMax: 10,
  stalledMs: 30_000,
  messagesPerSecond: 20,
  perUser: 10,
  perAddress: undefined,
  beginsPerSecond: 1,
};
const caller = { kind: 'user', userId: 'alice' } as unknown as Caller;

function open() {
  const clock = fakeClock();
  const controller = new AbortController();
  const received: string[] = [];
  let room = true;
  let renewals = 0;
  const lifetime: Lifetime = { endsAtMs: clock.nowMs() + 3_600_000, extend: () => caller, onEnd: () => {} };
  const stream = openStream({
    id: 's',
    sink: {
      write: (bytes) => {
        const { message } = StreamResponse.decode(bytes);
        received.push(message?.$case === 'closed' ? `closed ${message.value.reason}` : (message?.$case ?? 'event'));
        return room;
      },
      onRoom: () => {},
      stuckForMs: Number.POSITIVE_INFINITY,
      end: () => void received.push('end'),
      fail: () => {},
      signal: controller.signal,
    },
    lifetime,
    limits,
    waiting: openWaitingBytes(1_000_000, createNoopMeter()),
    clock,
    heartbeatMs: 0,
    onRenewed: () => renewals++,
    mayBegin: () => true,
    onClosed: () => {},
  });
  return {
    clock,
    stream,
    received,
    leave: () => controller.abort(),
    noRoom: () => {
      room = false;
    },
    renew: () => stream.handle({ $case: 'renew', value: { accessToken: 'the same' } }),
    renewals: () => renewals,
  };
}

test('a client that sends nothing for two intervals and ten seconds is lost; any message is a sign of life', async () => {
  const { clock, stream, received } = open();
  for (let i = 0; i < 4; i++) {
    await clock.advance(59_000);
    stream.received();
  }
  assert.equal(stream.signal.aborted, false);
  await clock.advance(59_999);
  assert.equal(stream.signal.aborted, false);
  await clock.advance(1);
  assert.deepEqual(received.slice(-2), ['closed STREAM_IDLE', 'end']);
});

test('a heartbeat is sent after an interval without other messages, and only then', async () => {
  const { clock, stream, received } = open();
  await clock.advance(20_000);
  stream.out.send(Buffer.from([0xfa, 0x07, 0]), 1); // a kind of a service
  await clock.advance(24_999);
  assert.deepEqual(received, ['welcome', 'event']);
  stream.received();
  await clock.advance(1);
  assert.deepEqual(received.slice(2), ['heartbeat']);
  await stream.handle({ $case: 'heartbeat', value: { intervalMs: 300_000 } });
  assert.deepEqual(received.slice(2), ['heartbeat', 'heartbeat']);
  await clock.advance(299_999);
  assert.deepEqual(received.slice(4), []);
  await clock.advance(300_000); // less than two of the longer intervals
  assert.equal(stream.signal.aborted, false);
});

test('a client that takes nothing of what waits is closed as slow, by reading or by acknowledging', async () => {
  for (const way of ['does not read', 'does not acknowledge']) {
    const { clock, stream, received, noRoom } = open();
    if (way === 'does not read') noRoom();
    for (let i = 0; i < 12; i++) stream.out.send(Buffer.from([0xfa, 0x07, 0]), 1);
    for (let i = 0; i < 29; i++) {
      await clock.advance(1_000);
      stream.received();
    }
    assert.equal(stream.signal.aborted, false, `${way} ${received}`);
    await clock.advance(1_001);
    assert.deepEqual(received.slice(-2), ['closed STREAM_SLOW', 'end'], way);
  }
});

test('renewals are all answered; permissions are verified at once, then once in five seconds', async () => {
  const { clock, received, renew, renewals, leave } = open();
  for (let i = 0; i < 100; i++) await renew();
  assert.deepEqual([renewals(), received.filter((kind) => kind === 'renewed').length], [1, 100]);
  await clock.advance(5_000);
  assert.equal(renewals(), 2);
  await clock.advance(60_000);
  assert.equal(renewals(), 2);
  const late = open();
  await late.renew();
  await late.renew();
  late.leave();
  await late.clock.advance(60_000);
  assert.equal(late.renewals(), 1);
  leave();
});

test('messages beyond the rate close the stream', () => {
  const { stream, received } = open();
  for (let i = 0; i < 200; i++) stream.received();
  assert.equal(stream.signal.aborted, false);
  stream.received();
  assert.deepEqual(received.slice(-2), ['closed MESSAGES_TOO_MANY', 'end']);
});
