// What an app keeps of its live updates for its next process.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KeptChange, keptAfter, nothingKept, subscribeFrom } from '../../src/client/live/kept-positions.ts';
import type { Notice } from '../../src/client/live/state.ts';
import { Event } from '../../src/gen/portico/v1/live.ts';

const topic = 'order:1';
const at = (offset: bigint) => ({ epoch: 'a', offset, eventId: `e${offset}` });
const subscribed = (offset: bigint, recovered: boolean): Notice => ({ kind: 'subscribed', topic, recovered, position: at(offset) });
const event = (offset: bigint): Notice => ({ kind: 'event', topic, position: at(offset), event: Event.fromPartial({ offset, id: `e${offset}` }) });
const loaded = (since: bigint): KeptChange => ({ kind: 'loaded', topic, since: at(since) });
const closed = (comesBack: boolean): Notice => ({ kind: 'topicClosed', topic, reason: 'X', comesBack });
const fromAfter = (...changes: readonly KeptChange[]) => subscribeFrom(changes.reduce(keptAfter, nothingKept), topic).position?.offset;

test('the next process goes on from the last event, or from where the subscription began', () => {
  assert.equal(fromAfter(), undefined);
  assert.equal(fromAfter(subscribed(4n, true)), 4n);
  assert.equal(fromAfter(subscribed(4n, true), event(5n), event(7n)), 7n);
});

test('while something is missing the next process names no position, so that it is notified of that again', () => {
  assert.equal(fromAfter(subscribed(4n, false)), undefined);
  assert.equal(fromAfter(subscribed(4n, false), event(5n)), undefined);
  assert.equal(fromAfter(subscribed(4n, false), event(5n), subscribed(5n, true)), undefined, 'back on another stream, and not loaded yet');
  assert.equal(fromAfter(subscribed(4n, false), event(5n), loaded(4n)), 5n);
  assert.equal(fromAfter(subscribed(4n, false), loaded(4n)), 4n);
});

test('events are missing also where the server names no position', () => {
  const unplaced: Notice = { kind: 'subscribed', topic, recovered: false, position: undefined };
  assert.equal(fromAfter(unplaced, event(5n)), undefined);
  assert.equal(fromAfter(subscribed(4n, true), unplaced, subscribed(5n, true)), undefined);
  assert.equal(fromAfter(unplaced, event(5n), loaded(4n)), undefined, 'a load for another gap');
  assert.equal(fromAfter(unplaced, event(5n), { kind: 'loaded', topic, since: undefined }), 5n);
});

test('a load that began before events were missing once more leaves those missing', () => {
  assert.equal(fromAfter(subscribed(4n, false), subscribed(9n, false), loaded(4n)), undefined);
  assert.equal(fromAfter(subscribed(4n, false), subscribed(9n, false), loaded(4n), loaded(9n)), 9n);
});

test('what has ended for good, and what is to start over, is kept no longer', () => {
  assert.equal(fromAfter(event(5n), closed(true)), 5n);
  assert.equal(fromAfter(event(5n), closed(false)), undefined);
  assert.equal(fromAfter(event(5n), { kind: 'unsubscribed', topic }), undefined);
  assert.equal(fromAfter(event(5n), { kind: 'startOver' }), undefined);
  assert.equal(fromAfter(event(5n), { kind: 'unsubscribed', topic }, loaded(4n)), undefined);
});

test('of a watch the etag of the last whole snapshot is kept', () => {
  const snapshot = (etag: string, partial: boolean): Notice => ({ kind: 'snapshot', id: 1, etag, payload: Buffer.of(), partial, stale: false });
  const etagAfter = (...changes: readonly KeptChange[]) => changes.reduce(keptAfter, nothingKept).etags.get(1);
  assert.equal(etagAfter(snapshot('w1', false), snapshot('', true)), 'w1');
  assert.equal(etagAfter(snapshot('w1', false), snapshot('w2', false), { kind: 'current', id: 1 }), 'w2');
  assert.equal(etagAfter(snapshot('w1', false), { kind: 'watchClosed', id: 1, reason: 'X', comesBack: true }), 'w1');
  assert.equal(etagAfter(snapshot('w1', false), { kind: 'watchClosed', id: 1, reason: 'X', comesBack: false }), undefined);
  assert.equal(etagAfter(snapshot('w1', false), { kind: 'unwatched', id: 1 }), undefined);
  assert.equal(etagAfter(snapshot('w1', false), { kind: 'startOver' }), undefined);
});
