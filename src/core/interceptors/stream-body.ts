import type { PushedBody, Sink, StreamBody } from '../ports/call.ts';

/** Messages that wait for a reader before the writer is told to wait. */
const waitingMax = 16;
/** Messages that a writer who does not wait may pile up before its stream is ended. */
const piledMax = 1_024;

/**
 * A stream as its reader asks for it: what is pushed waits in a bounded queue.
 * @param signal the call's: what the writer sees as its sink's
 */
export function pulled(body: StreamBody, signal: AbortSignal): AsyncIterable<Uint8Array> {
  if (typeof body !== 'function') return body;
  return { [Symbol.asyncIterator]: () => reader(body, signal) };
}

/** A stream that writes itself to a sink: what is asked for is asked for again as soon as there is room. */
export function pushed(body: StreamBody): PushedBody {
  if (typeof body === 'function') return body;
  return (sink) => {
    const messages = body[Symbol.asyncIterator]();
    let over = false;
    const leave = () => {
      over = true;
      messages.return?.().catch(() => {}); // nobody takes anything any more, an error neither
    };
    const finish = (last: () => void) => {
      if (over) return;
      over = true;
      sink.signal.removeEventListener('abort', leave);
      last();
    };
    const take = ({ done, value }: IteratorResult<Uint8Array>) => {
      if (over) return;
      if (done) return finish(() => sink.end());
      try {
        if (sink.write(value)) ask();
        else sink.onRoom(ask);
      } catch (error) {
        leave(); // a message that its edge cannot write ends this stream, and nothing else
        sink.fail(error);
      }
    };
    const ask = (): void => void messages.next().then(take, (error: unknown) => finish(() => sink.fail(error)));
    if (sink.signal.aborted) return leave();
    sink.signal.addEventListener('abort', leave, { once: true });
    ask();
  };
}

type Waiting = PromiseWithResolvers<IteratorResult<Uint8Array>>;
const done = { done: true, value: undefined } as const;

function reader(body: PushedBody, outer: AbortSignal): AsyncIterator<Uint8Array> {
  const controller = new AbortController(); // a reader may leave before the call's signal says so
  const queue: Uint8Array[] = [];
  let ended: { readonly error: unknown; readonly threw: boolean } | undefined;
  let waiting: Waiting | undefined;
  let onRoom: (() => void) | undefined;
  const finish = (threw: boolean, error?: unknown) => {
    if (ended !== undefined) return;
    ended = { threw, error };
    onRoom = undefined;
    outer.removeEventListener('abort', abort);
    if (waiting === undefined) return;
    if (threw) waiting.reject(error);
    else waiting.resolve(done);
    waiting = undefined;
  };
  const abort = () => {
    controller.abort(outer.reason);
    finish(true, outer.reason); // a writer that stops at the signal need not say so
  };
  if (outer.aborted) abort();
  else outer.addEventListener('abort', abort, { once: true });
  const sink: Sink = {
    signal: controller.signal,
    write: (message) => {
      if (ended !== undefined || controller.signal.aborted) return false;
      if (waiting !== undefined) {
        waiting.resolve({ done: false, value: message });
        waiting = undefined;
        return true;
      }
      queue.push(message);
      if (queue.length > piledMax) finish(true, new Error('The writer of a stream went on although its sink was full.'));
      return queue.length < waitingMax;
    },
    onRoom: (callback) => {
      if (ended !== undefined) return;
      if (queue.length < waitingMax) callback();
      else onRoom = callback;
    },
    end: () => finish(false),
    fail: (error) => finish(true, error),
  };
  let begun = false;
  const begin = () => {
    begun = true;
    try {
      body(sink);
    } catch (error) {
      sink.fail(error);
    }
  };
  return {
    next: async () => {
      if (!begun) begin();
      const message = queue.shift();
      if (message !== undefined) {
        const room = queue.length < waitingMax ? onRoom : undefined;
        if (room !== undefined) {
          onRoom = undefined;
          room();
        }
        return { done: false, value: message };
      }
      if (ended === undefined) {
        waiting = Promise.withResolvers();
        return waiting.promise;
      }
      const { threw, error } = ended;
      ended = { threw: false, error: undefined };
      if (threw) throw error;
      return done;
    },
    return: async () => {
      finish(false);
      queue.length = 0;
      controller.abort(new Error('The reader of the stream has left.'));
      return done;
    },
  };
}
