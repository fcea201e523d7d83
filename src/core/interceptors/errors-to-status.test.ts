import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Metadata } from 'nice-grpc-common';
import { BadRequest, ErrorInfo, LocalizedMessage, RequestInfo, RetryInfo } from '../../gen/google/rpc/error_details.ts';
import { Status } from '../../gen/google/rpc/status.ts';
import { Fault } from '../kit/fault.ts';
import { type CoreReason, reasons, type StatusName } from '../kit/reasons.ts';
import type { Soon } from '../kit/soon.ts';
import { StatusError } from '../kit/status-error.ts';
import type { Answer, Call, Traced } from '../ports/call.ts';
import { encodeFault } from './error-details.ts';
import { errors, refused, statusErrorOf } from './errors-to-status.ts';
import { errorTable } from './localized-error-table.ts';
import { en } from './messages/en.ts';

const team: { reasons: Record<string, StatusName>; messages: Record<string, Record<string, string>> } = {
  reasons: { ORDER_GONE: 'NOT_FOUND' },
  messages: { de: { ORDER_GONE: 'Diese Bestellung gibt es nicht.' } },
};
const table = errorTable('portico.example', team);
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

function detailsOf(error: StatusError) {
  const bytes = error.trailers.get('grpc-status-details-bin');
  assert.ok(bytes instanceof Uint8Array);
  const status = Status.decode(bytes);
  return { status, byType: new Map(status.details.map(({ typeUrl, value }) => [typeUrl.split('.').at(-1), value])) };
}

test('a fault leaves as a status with reason, domain, request id and a text in the wished language', () => {
  const fault = new Fault<string>('ORDER_GONE', 'There is no order 42.', { metadata: { order_id: '42' } });
  const error = encodeFault(fault, { table, requestId: 'abc', acceptLanguage: 'fr, de-AT;q=0.8' });
  const { status, byType } = detailsOf(error);
  assert.deepEqual([error.code, status.code, status.message], [5, 5, 'There is no order 42.']);
  assert.deepEqual(ErrorInfo.decode(byType.get('ErrorInfo') ?? Buffer.of()), {
    reason: 'ORDER_GONE',
    domain: 'portico.example',
    metadata: new Map([['order_id', '42']]),
  });
  assert.equal(RequestInfo.decode(byType.get('RequestInfo') ?? Buffer.of()).requestId, 'abc');
  assert.deepEqual(LocalizedMessage.decode(byType.get('LocalizedMessage') ?? Buffer.of()), {
    locale: 'de',
    message: 'Diese Bestellung gibt es nicht.',
  });
});

test('violations become field paths, twenty at most, and the message states how many were omitted', () => {
  const violations = Array.from({ length: 23 }, (_, i) => ({ field: `items[${i}].name`, rule: 'string.min_len', description: 'too short' }));
  const { status, byType } = detailsOf(
    encodeFault(new Fault('REQUEST_INVALID', 'Bad.', { violations, retryAfterMs: 1_500 }), { table, requestId: 'x' }),
  );
  const { fieldViolations } = BadRequest.decode(byType.get('BadRequest') ?? Buffer.of());
  assert.equal(fieldViolations.length, 20);
  assert.deepEqual([fieldViolations[3]?.field, fieldViolations[3]?.reason], ['items[3].name', 'STRING_MIN_LEN']);
  assert.match(status.message, /3 more violations/);
  assert.deepEqual(RetryInfo.decode(byType.get('RetryInfo') ?? Buffer.of()).retryDelay, { seconds: 1n, nanos: 500_000_000 });
});

test('a delay that is none, or has passed, is not sent', () => {
  for (const retryAfterMs of [Number.NaN, Number.POSITIVE_INFINITY, -1, 1e20]) {
    const { status, byType } = detailsOf(encodeFault(new Fault('TOKEN_MISSING', 'No.', { retryAfterMs }), { table, requestId: 'x' }));
    assert.deepEqual([status.code, byType.has('RetryInfo')], [16, false], String(retryAfterMs));
  }
  const { byType } = detailsOf(encodeFault(new Fault('TOKEN_MISSING', 'No.', { retryAfterMs: 999.9999999 }), { table, requestId: 'x' }));
  assert.deepEqual(RetryInfo.decode(byType.get('RetryInfo') ?? Buffer.of()).retryDelay, { seconds: 0n, nanos: 999_999_999 });
});

test('an error that is not meant for the app is answered INTERNAL without its text, and logged in full', () => {
  const logged: unknown[] = [];
  const call = {
    signal: new AbortController().signal,
    metadata: Metadata(),
    plan: { method: 'a.B/C' },
    trace: { traceId: 'abc' },
  } as unknown as Parameters<typeof statusErrorOf>[1];
  const error = statusErrorOf(new TypeError('secret at 10.0.0.7'), call, table, { ...silent, error: (_, fields) => logged.push(fields) });
  assert.equal(error.code, 13);
  assert.doesNotMatch(Buffer.from(error.trailers.get('grpc-status-details-bin') ?? []).toString('latin1'), /10\.0\.0\.7/);
  assert.equal(logged.length, 1);
});

test('violations stay small enough for a header, and the message says how many are left out', () => {
  const violations = Array.from({ length: 30 }, (_, i) => ({ field: `items["${'k'.repeat(150)}"]`, rule: 'string.max_len', description: `${i}` }));
  const { status, byType } = detailsOf(encodeFault(new Fault('REQUEST_INVALID', 'No.', { violations }), { table, requestId: 'abc' }));
  const listed = BadRequest.decode(byType.get('BadRequest') ?? Buffer.of()).fieldViolations.length;
  assert.ok(listed > 5 && listed < 20);
  assert.equal(status.message, `No. (${30 - listed} more violations are not listed)`);
  assert.ok(Status.encode(status).finish().length < 4_096);
});

test('equal faults of two calls differ in their request ids alone', () => {
  const [one, other] = ['0af7651916cd43dd8448eb211c80319c', 'ffffffffffffffffffffffffffffffff'] as const;
  const statusOf = (requestId: string) => detailsOf(encodeFault(new Fault('TOKEN_MISSING', 'No token.'), { table, requestId }));
  for (const requestId of [one, other, one, 'another-id', one.toUpperCase()]) {
    const { status, byType } = statusOf(requestId);
    assert.deepEqual([status.code, status.message, [...byType.keys()]], [16, 'No token.', ['ErrorInfo', 'LocalizedMessage', 'RequestInfo']]);
    assert.equal(RequestInfo.decode(byType.get('RequestInfo') ?? Buffer.of()).requestId, requestId);
  }
});

test('an error of a call is returned as its status, whether it was thrown, rejected or returned', async () => {
  const call = { trace: { traceId: '0af7651916cd43dd8448eb211c80319c' }, metadata: Metadata(), signal: new AbortController().signal };
  const fault = new Fault('TOKEN_MISSING', 'No token.');
  const ways: (() => Soon<Answer>)[] = [
    () => {
      throw fault;
    },
    () => Promise.reject(fault),
    () => refused(fault),
    async () => refused(fault),
  ];
  for (const way of ways) {
    const { refused: error } = await errors(table, silent)(call as unknown as Call & Traced, way);
    assert.ok(error instanceof StatusError);
    assert.deepEqual([error.code, error.cause], [16, fault]);
  }
});

test('a status of an upstream passes as it is', () => {
  const upstream = new StatusError(9, 'no');
  assert.equal(statusErrorOf(upstream, {} as Parameters<typeof statusErrorOf>[1], table, silent), upstream);
});

test('a team cannot take the name of one of the reasons of core', () => {
  assert.throws(() => errorTable('x', { reasons: { TOKEN_EXPIRED: 'ABORTED' } }), /TOKEN_EXPIRED is one of core's/);
});

test('every reason of core is spelled as AIP-193 wants it and has a text for people', () => {
  for (const reason of Object.keys(reasons)) {
    assert.match(reason, /^[A-Z][A-Z0-9_]{1,61}[A-Z0-9]$/);
    assert.ok(en[reason as CoreReason].length > 0);
  }
});
