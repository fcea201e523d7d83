import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeClock } from '../../../test/support/time/clock.ts';
import type { Log } from '../ports/log.ts';
import type { UpstreamEnd } from '../ports/upstream-transport.ts';
import { openFailureLog } from './log-upstream-failures.ts';

function open() {
  const clock = fakeClock();
  const lines: Readonly<Record<string, unknown>>[] = [];
  const never = () => assert.fail('not at this level');
  const log: Log = { debug: never, info: never, error: never, warn: (message, fields = {}) => void lines.push({ message, ...fields }) };
  const failed = openFailureLog(log, clock);
  const fail = (end: Partial<UpstreamEnd>, upstream = 'orders') =>
    failed({
      upstream,
      address: 'orders.internal:9000',
      method: 'orders.v1.OrderService/GetOrder',
      traceId: 'abc',
      end: { peer: '10.0.0.1:9000', ...end } as UpstreamEnd,
    });
  return { clock, lines, fail };
}

const trailers = { getAll: () => [] };
const refused = { by: 'transport', cause: 'refused', detail: 'connect ECONNREFUSED 10.0.0.1:9000', processed: 'no' } as const;
const status = (code: number, message = 'text') => ({ by: 'upstream', code, message, details: undefined, trailers }) as const;

test('a failure is logged with upstream, address, cause, code and trace id', () => {
  const { lines, fail } = open();
  fail(refused);
  assert.deepEqual(lines, [
    {
      message: 'An upstream failed.',
      upstream: 'orders',
      address: 'orders.internal:9000',
      peer: '10.0.0.1:9000',
      cause: 'refused',
      code: 'UNAVAILABLE',
      detail: 'connect ECONNREFUSED 10.0.0.1:9000',
      method: 'orders.v1.OrderService/GetOrder',
      trace_id: 'abc',
    },
  ]);
});

test('one line per upstream and cause in ten seconds, with how many more there were', async () => {
  const { clock, lines, fail } = open();
  for (let n = 0; n < 1_000; n++) fail(refused);
  fail(status(13));
  fail(refused, 'couriers');
  assert.deepEqual(
    lines.map(({ upstream, cause }) => [upstream, cause]),
    [
      ['orders', 'refused'],
      ['orders', 'status'],
      ['couriers', 'refused'],
    ],
  );
  await clock.advance(10_000);
  assert.deepEqual([lines.length, lines[3]?.more_since], [4, 999]);
  await clock.advance(60_000);
  assert.equal(lines.length, 4);
  fail(refused);
  assert.equal(lines.length, 5);
});

test('answers such as NOT_FOUND, and cancels of ours, are no failures', () => {
  const { lines, fail } = open();
  for (const code of [1, 3, 5, 6, 7, 8, 9, 10, 11]) fail(status(code));
  fail({ ...refused, cause: 'cancelled' });
  assert.deepEqual(lines, []);
});

test('texts of upstreams are clipped, well-formed and on one line', () => {
  const { lines, fail } = open();
  fail(status(13, `a\r\nb\0c${'😀'.repeat(1_000)}`));
  const detail = String(lines[0]?.detail);
  assert.ok(Buffer.byteLength(detail) <= 500 && detail.isWellFormed() && detail.startsWith('a b c😀'), detail);
});
