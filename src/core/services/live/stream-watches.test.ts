import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quietLog } from '../../../../test/support/log.ts';
import { LiveResponse } from '../../../gen/portico/v1/live.ts';
import { noSpans } from '../../adapters/telemetry/messaging-spans.ts';
import type { ReadyCall } from '../../ports/call.ts';
import type { Stream } from '../../streams/stream.ts';
import { encode } from './encode-live.ts';
import type { WatchWish } from './group-watches-by-answer.ts';
import type { LiveParts } from './live-parts.ts';
import type { Shot } from './recompute-watched-answer.ts';
import { openStreamWatches } from './stream-watches.ts';

type Kind = { readonly partial?: boolean; readonly verified?: boolean; readonly etag?: string };
const shot = (text: string, { partial = false, verified = true, etag = `"${text}"` }: Kind = {}): Shot => {
  const payload = Buffer.from(text);
  return {
    etag: partial ? undefined : etag,
    partial,
    verified,
    message: encode({ $case: 'snapshot', value: { key: 1n, etag: '', payload, partial, stale: !verified } }),
  };
};

/** A watch of a client that has the answer with this etag, and what is sent to it. */
function watching(etag: string) {
  const sent: string[] = [];
  const wishes: WatchWish[] = [];
  const out = {
    send: (bytes: Uint8Array) => {
      const { message } = LiveResponse.decode(bytes);
      if (message?.$case === 'snapshot') sent.push(Buffer.from(message.value.payload).toString());
    },
    onRoom: (callback: () => void) => {
      callback();
      return () => {};
    },
  };
  const parts = {
    limits: { watchesMax: 1 },
    plans: new Map([['/app.v1.Service/Get', { cache: {}, requestBytes: 1_000 }]]),
    watches: {
      watch: (wish: WatchWish) => {
        wishes.push(wish);
        return () => {};
      },
    },
    spans: noSpans,
    counts: { snapshots: 0, closed: () => {} },
    log: quietLog,
  };
  const stream = { out, mayBegin: () => true } as unknown as Stream;
  const watches = openStreamWatches(stream, {} as ReadyCall, parts as unknown as LiveParts);
  watches.begin({ id: 1, generation: 1, method: 'app.v1.Service/Get', request: new Uint8Array(), etag });
  const last = () => wishes.at(-1) as WatchWish;
  return { sent, watches, open: (first: Shot) => last().onOpen(1, first), shoot: (next: Shot) => last().onShot(next) };
}

test('a client without an answer is sent a partial one, then one that could not be verified, then the newest', () => {
  const { sent, open, shoot } = watching('');
  open(shot('partial', { partial: true }));
  shoot(shot('stale', { verified: false }));
  shoot(shot('new'));
  assert.deepEqual(sent, ['partial', 'stale', 'new']);
});

test('a client that has an answer is sent only whole ones that were verified, so that it never goes back', () => {
  const { sent, open, shoot } = watching('"old"');
  open(shot('partial', { partial: true }));
  shoot(shot('stale', { verified: false }));
  assert.deepEqual(sent, []);
  shoot(shot('new'));
  shoot(shot('stale again', { verified: false }));
  shoot(shot('partial again', { partial: true }));
  shoot(shot('new once more', { etag: '"new"' }));
  assert.deepEqual(sent, ['new']);
});

test('a renewal asks with the etag of what the client was sent', () => {
  const { sent, watches, open, shoot } = watching('');
  open(shot('one'));
  shoot(shot('two'));
  watches.renewed({} as never);
  open(shot('two'));
  assert.deepEqual(sent, ['one', 'two']);
});
