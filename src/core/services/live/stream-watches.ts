import type { Watch } from '../../../gen/portico/v1/live.ts';
import type { Caller, ReadyCall } from '../../ports/call.ts';
import type { ShortSpan } from '../../ports/short-spans.ts';
import { type Close, closeFor, closeOf, isDefect } from '../../streams/close-advice.ts';
import type { Stream } from '../../streams/stream.ts';
import { encode } from './encode-live.ts';
import type { LiveParts } from './live-parts.ts';
import type { Shot } from './recompute-watched-answer.ts';

/** The requests of all watches of a stream: a client that returns sends them in its first message. Bytes. */
const requestBytesMax = 262_144;

/** A watch of a stream, with the etag of what its client has or is about to receive. */
type Open = { readonly wish: Watch; etag: string; readonly span: ShortSpan | undefined; end(): void };

/** The watches of one stream. Each has a generation, so that a late message never ends a newer one. */
export type StreamWatches = {
  begin(wish: Watch): void;
  end(id: number, generation: number): void;
  /** Verifies all permissions anew, with those of a new token. */
  renewed(caller: Caller): void;
  close(): void;
};

export function openStreamWatches(stream: Stream, call: ReadyCall, { limits, plans, watches, spans, counts, log }: LiveParts): StreamWatches {
  const { out } = stream;
  const all = new Map<number, Open>();
  let caller = call.caller;

  const remove = (id: number) => {
    const open = all.get(id);
    all.delete(id);
    open?.end();
  };
  const close = ({ id, generation }: Watch, why: Close) => {
    all.get(id)?.span?.end({}, why.reason);
    remove(id);
    counts.closed('watch', why.reason);
    out.send(encode({ $case: 'watchClosed', value: { id, generation, ...why } }), 0);
  };
  const begin = (asked: Watch) => {
    const wish = { ...asked, request: Uint8Array.from(asked.request) }; // it lasts, and is to hold no whole message in memory
    const { id, generation, method, request, etag } = wish;
    remove(id);
    if (all.size >= limits.watchesMax) return stream.close(closeFor('SUBSCRIPTIONS_TOO_MANY', `A stream may have ${limits.watchesMax} watches.`));
    const plan = plans.get(`/${method}`);
    if (plan?.cache === undefined)
      return close(wish, closeFor('METHOD_NOT_WATCHABLE', `${method} is ${plan === undefined ? 'no method of this server' : 'not cached'}.`));
    const span = spans.begin('watch method', call.trace);
    const open: Open = { wish, etag, span, end: () => {} };
    all.set(id, open);
    let waiting: Shot | undefined;
    let stopWaiting = () => {};
    /** To a slow client only the newest answer is sent. */
    const send = () => {
      const shot = waiting;
      waiting = undefined;
      if (shot === undefined || all.get(id) !== open) return;
      open.etag = shot.etag ?? '';
      counts.snapshots++;
      out.send(shot.message, 1);
    };
    const offer = (shot: Shot) => {
      if (all.get(id) !== open) return;
      if (shot.etag !== undefined && shot.etag === open.etag) {
        waiting = undefined;
        return;
      }
      if (open.etag !== '' && (!shot.verified || shot.partial)) return; // what the client has is at least as new, and whole
      const isFirst = waiting === undefined;
      waiting = shot;
      if (isFirst) stopWaiting = out.onRoom(send);
    };
    if (request.byteLength > plan.requestBytes)
      return close(wish, closeFor('REQUEST_TOO_LARGE', `A request of ${method} has at most ${plan.requestBytes} bytes.`));
    let requestBytes = 0;
    for (const other of all.values()) requestBytes += other.wish.request.byteLength;
    if (requestBytes > requestBytesMax)
      return close(wish, closeFor('REQUEST_TOO_LARGE', `The requests of all watches of a stream have at most ${requestBytesMax} bytes.`));
    const unwatch = watches.watch({
      plan,
      request,
      call,
      caller,
      onOpen: (key, shot) => {
        const current = shot.etag !== undefined && shot.etag === open.etag;
        span?.end({ 'rpc.method': method, 'portico.current': current });
        out.send(encode({ $case: 'watching', value: { id, generation, key: BigInt(key), current } }), 0);
        offer(shot);
      },
      onShot: offer,
      onRefused: (error) => {
        if (isDefect(error)) log.error('A watch failed by a defect.', { method, error });
        close(wish, closeOf(error));
      },
    });
    open.end = () => {
      stopWaiting();
      waiting = undefined;
      unwatch();
    };
    if (all.get(id) !== open) open.end(); // it was refused at once
  };
  return {
    begin: (wish) => {
      if (stream.mayBegin()) begin(wish);
    },
    end: (id, generation) => {
      if ((all.get(id)?.wish.generation ?? 0) <= generation) remove(id);
    },
    renewed: (newCaller) => {
      caller = newCaller;
      for (const { wish, etag } of [...all.values()]) begin({ ...wish, etag });
    },
    close: () => {
      for (const id of [...all.keys()]) remove(id);
    },
  };
}
