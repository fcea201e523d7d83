import type { PushedBody, Sink, StreamBody } from '../../src/core/ports/call.ts';

/** What may wait for a reader before its writer must wait: messages, and their bytes. */
const waitingMax = 16;
const waitingBytesMax = 16_384;
/** Messages that a writer may queue without waiting before its stream is ended. */
const piledMax = 1_024;

/**
 * A stream that its reader pulls. Pushed messages wait in a bounded queue.
 * @param signal of the call; the writer sees it as the signal of its sink
 */
export function pulled(body: StreamBody, signal: AbortSignal): AsyncIterable<Uint8Array> {
  if (typeof body !== 'function') return body;
  return { [Symbol.asyncIterator]: () => reader(body, signal) };
}

type Next = PromiseWithResolvers<IteratorResult<Uint8Array>>;
const done = { done: true, value: undefined } as const;

function reader(body: PushedBody, outer: AbortSignal): AsyncIterator<Uint8Array> {
  const controller = new AbortController(); // a reader may close before the call's signal is aborted
  const queue: Uint8Array[] = [];
  let queuedBytes = 0;
  let begun = false;
  let ended: 'no' | 'whole' | { readonly error: unknown } = 'no';
  let next: Next | undefined;
  let waiting: (() => void) | undefined;
  const isFull = () => queue.length >= waitingMax || queuedBytes >= waitingBytesMax;
  const finish = (how: Exclude<typeof ended, 'no'>) => {
    if (ended !== 'no') return;
    ended = how;
    waiting = undefined;
    outer.removeEventListener('abort', abort);
    if (how === 'whole') next?.resolve(done);
    else next?.reject(how.error);
    next = undefined;
  };
  const abort = () => {
    finish({ error: outer.reason }); // a writer that stops at the signal may do so late
    controller.abort(outer.reason);
  };
  const sink: Sink = {
    signal: controller.signal,
    write: (message) => {
      if (ended !== 'no') return false;
      if (next !== undefined) {
        next.resolve({ done: false, value: message });
        next = undefined;
        return true;
      }
      queue.push(message);
      queuedBytes += message.byteLength;
      if (queue.length > piledMax) finish({ error: new Error('The writer of a stream went on although its sink was full.') });
      return !isFull();
    },
    onRoom: (callback) => {
      if (ended !== 'no') return;
      if (isFull()) waiting = callback;
      else callback();
    },
    stuckForMs: 0,
    end: () => finish('whole'),
    fail: (error) => finish({ error }),
  };
  const begin = () => {
    begun = true;
    if (outer.aborted) abort();
    else outer.addEventListener('abort', abort, { once: true });
    try {
      body(sink);
    } catch (error) {
      sink.fail(error);
    }
  };
  const room = () => {
    if (waiting === undefined || isFull()) return;
    const callback = waiting;
    waiting = undefined;
    callback();
  };
  return {
    next: () => {
      if (!begun) begin();
      const message = queue.shift();
      if (message !== undefined) {
        queuedBytes -= message.byteLength;
        room();
        return Promise.resolve({ done: false, value: message });
      }
      if (ended === 'no') {
        next = Promise.withResolvers();
        return next.promise;
      }
      const how = ended;
      ended = 'whole';
      return how === 'whole' ? Promise.resolve(done) : Promise.reject(how.error);
    },
    return: () => {
      finish('whole');
      queue.length = 0;
      controller.abort(new Error('The reader of the stream has left.'));
      return Promise.resolve(done);
    },
  };
}
