import { type Soon, settled, soonThen } from '../kit/soon.ts';
import type { Ending, PushedBody, Sink, StreamBody } from '../ports/call.ts';
import { pushed } from './pushed-body.ts';

/** How an interceptor observes an outgoing stream. */
export type Tap = {
  /**
   * Its abort ends the stream at once, whatever the writer does. Outer taps see the signal's reason thrown. Inner taps
   * see the stream closed once its writer has stopped.
   */
  readonly until?: AbortSignal;
  /**
   * Called once with the end that inner taps left. Its result, which is awaited, is the end for outer taps. An error
   * that it throws is an end, too.
   */
  readonly ended?: (ending: Ending) => Soon<Ending>;
};

/** A stream and its taps, the innermost first. */
type Tapped = PushedBody & { readonly source: StreamBody; readonly taps: readonly Tap[] };

/**
 * The stream with one more outer tap. However many there are, they are composed once, when the stream begins: a message
 * costs one call, and no promise.
 */
export function tapped(body: StreamBody, tap: Tap): PushedBody {
  const { source, taps } = isTapped(body) ? body : { source: body, taps: [] };
  const all = [...taps, tap];
  const begin = (sink: Sink) => pushed(source)(tappedSink(sink, all));
  return Object.assign(begin, { source, taps: all });
}

function isTapped(body: StreamBody): body is Tapped {
  return typeof body === 'function' && 'taps' in body;
}

const closed: Ending = { how: 'closed' };

/** The sink of a tapped stream's writer. */
function tappedSink(sink: Sink, taps: readonly Tap[]): Sink {
  const controller = new AbortController();
  const listening: (() => void)[] = [];
  /** The writer has ended, or its messages are discarded. */
  let over = false;
  /** The taps from here on have seen an end from outside; those before wait for the end of the writer. */
  let cutAt: number | undefined;
  const on = (signal: AbortSignal, callback: () => void) => {
    if (signal.aborted) return callback();
    signal.addEventListener('abort', callback, { once: true });
    listening.push(() => signal.removeEventListener('abort', callback));
  };
  const leave = ({ how, error }: Ending & { readonly error?: unknown }) => {
    if (how === 'threw') sink.fail(error);
    else if (how === 'returned') sink.end();
  };
  const cut = (at: number, reason: unknown) => {
    if (over || cutAt !== undefined) return;
    cutAt = at;
    if (at < taps.length) void soonThen(endedBy(taps.slice(at + 1), { how: 'threw', error: reason }), leave);
    controller.abort(reason);
  };
  const finish = (ending: Ending) => {
    if (over) return;
    over = true;
    for (const off of listening) off();
    if (cutAt === undefined) void soonThen(endedBy(taps, ending), leave);
    else void endedBy(taps.slice(0, cutAt), closed);
  };
  for (const [at, { until }] of taps.entries()) if (until !== undefined) on(until, () => cut(at, until.reason));
  on(sink.signal, () => cut(taps.length, sink.signal.reason));
  return {
    signal: controller.signal,
    write: (message) => !over && cutAt === undefined && sink.write(message),
    onRoom: (callback) => {
      if (!over && cutAt === undefined) sink.onRoom(callback);
    },
    get stuckForMs() {
      return sink.stuckForMs;
    },
    end: () => finish({ how: 'returned' }),
    fail: (error) => finish({ how: 'threw', error }),
  };
}

/** Passes an end outwards. It never rejects: an error of a tap is the end from there on. */
function endedBy(taps: readonly Tap[], ending: Ending): Soon<Ending> {
  let soon: Soon<Ending> = ending;
  for (const { ended } of taps) if (ended !== undefined) soon = outside(soon, ended);
  return soon;
}

function outside(inside: Soon<Ending>, ended: NonNullable<Tap['ended']>): Soon<Ending> {
  return settled(
    () => soonThen(inside, ended),
    (ending) => ending,
    (error): Ending => ({ how: 'threw', error }),
  );
}
