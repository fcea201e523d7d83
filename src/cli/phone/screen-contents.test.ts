import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Notice } from '../../client/live/state.ts';
import { GetHomeResponse } from '../../gen/app/v1/home.ts';
import { TrackResponse } from '../../gen/couriers/v1/courier.ts';
import { type Contents, emptyContents, topicsOf, withNotice } from './screen-contents.ts';

const after = (...notices: readonly Notice[]) =>
  notices.reduce((contents: Contents, notice) => withNotice(contents, notice, '12:00:59'), emptyContents('alice'));
const phase = (name: Contents['phase']): Notice => ({ kind: 'phase', phase: name });
const subscribed = (topic: string, recovered: boolean): Notice => ({ kind: 'subscribed', topic, recovered, position: undefined });

function homeOf(orderIds: readonly string[], more: Partial<Extract<Notice, { kind: 'snapshot' }>> = {}): Notice {
  const home = GetHomeResponse.fromPartial({ orders: { orders: orderIds.map((orderId) => ({ orderId })) } });
  return { kind: 'snapshot', id: 1, etag: '"a"', payload: Buffer.from(GetHomeResponse.encode(home).finish()), partial: false, stale: false, ...more };
}

function courierAt(orderId: string, latitude: number, offset: bigint): Notice {
  const payload = Buffer.from(
    TrackResponse.encode(TrackResponse.fromPartial({ orderId, position: { latitude, longitude: 12 }, minutesLeft: 4 })).finish(),
  );
  const event = { offset, id: String(offset), payload, key: 'position', publishedAt: undefined };
  return { kind: 'event', topic: `delivery:${orderId}`, event, position: { epoch: 'e', offset, eventId: String(offset) } };
}

test('a first subscription has nothing to recover, a repeated one states what it has', () => {
  const first = after(phase('connecting'), subscribed('delivery:1', false), phase('live'));
  assert.deepEqual([first.recovered, first.phase], [undefined, 'live']);
  const again = [phase('connecting'), subscribed('delivery:1', false), subscribed('delivery:2', false), phase('connecting')];
  assert.equal(after(...again, subscribed('delivery:1', true), subscribed('delivery:2', true)).recovered, true);
  assert.equal(after(...again, subscribed('delivery:1', false), subscribed('delivery:2', true)).recovered, false);
  assert.equal(after(...again, subscribed('delivery:1', true), phase('offline')).recovered, true);
  assert.equal(after(...again, subscribed('delivery:1', true), phase('connecting')).recovered, undefined);
});

test('a loss in the middle of a stream is shown', () => {
  assert.equal(after(subscribed('delivery:1', false), subscribed('delivery:1', false)).recovered, false);
});

test('the topics are those of the orders on the screen, whose couriers are shown until the order leaves it', () => {
  const both = after(homeOf(['1', '2']), courierAt('1', 51, 7n), courierAt('2', 52, 1n), courierAt('2', 53, 2n));
  assert.deepEqual(topicsOf(both), ['delivery:1', 'delivery:2']);
  assert.deepEqual(
    [...both.couriers].map(([orderId, { position }]) => [orderId, position?.latitude]),
    [
      ['1', 51],
      ['2', 53],
    ],
  );
  assert.deepEqual([...withNotice(both, homeOf(['2']), '').couriers.keys()], ['2']);
});

test('a home screen that is not the newest whole one says so, until it is', () => {
  const stale = after(homeOf([], { stale: true }));
  assert.equal(stale.homeLacks, 'stale');
  assert.equal(withNotice(stale, { kind: 'current', id: 1 }, '').homeLacks, '');
  assert.equal(withNotice(stale, homeOf([]), '').homeLacks, '');
  assert.equal(after({ kind: 'watchClosed', id: 1, reason: 'PROFILE_UNKNOWN', comesBack: false }).homeLacks, 'PROFILE_UNKNOWN');
});

test('every notice but an answer to publish has a line; lines are bounded, and hold no control characters', () => {
  const notices: readonly Notice[] = [
    phase('live'),
    subscribed('delivery:1', true),
    courierAt('1', 51.5, 7n),
    { kind: 'current', id: 1 },
    homeOf(['1']),
    { kind: 'topicClosed', topic: 'delivery:1', reason: 'TOPIC_FORBIDDEN', comesBack: false },
    { kind: 'watchClosed', id: 1, reason: 'SCOPE_MISSING', comesBack: true },
    { kind: 'startOver' },
    { kind: 'refused', reason: '\u001B[31mSESSION_REVOKED' },
    { kind: 'published', requestId: 'r', reason: '' },
  ];
  assert.deepEqual(after(...notices).lines, [
    '12:00:59  live',
    '12:00:59  delivery:1 subscribed',
    '12:00:59  delivery:1 #7  51.50000 12.00000, 4 min',
    '12:00:59  home screen unchanged',
    '12:00:59  home screen "a"',
    '12:00:59  delivery:1 closed: TOPIC_FORBIDDEN',
    '12:00:59  home screen closed: SCOPE_MISSING',
    '12:00:59  positions and etags dropped',
    '12:00:59  refused:  [31mSESSION_REVOKED',
  ]);
  const many = after(...Array.from({ length: 500 }, (_, i) => courierAt('1', 51, BigInt(i))));
  assert.equal(many.lines.length, 200);
  assert.match(many.lines.at(-1) ?? '', /#499 /);
});
