import { type Soon, settled, soonThen } from '../kit/soon.ts';
import type { Ending, PushedBody, Sink, StreamBody } from '../ports/call.ts';
import { pushed } from './stream-body.ts';

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
  const begin = (sink: Sink) => pushed(source)(new TappedSink(sink, all));
  return Object.assign(begin, { source, taps: all });
}

function isTapped(body: StreamBody): body is Tapped {
  return typeof body === 'function' && 'taps' in body;
}

const closed: Ending = { how: 'closed' };

/** The sink of a tapped stream's writer. A class, because every stream has one, and each message passes it. */
class TappedSink implements Sink {
  readonly #sink: Sink;
  readonly #taps: readonly Tap[];
  readonly #controller = new AbortController();
  /** The writer has ended, or its messages are discarded. */
  #over = false;
  /** The taps from here on have seen an end from outside; those before wait for the end of the writer. */
  #cutAt: number | undefined;

  constructor(sink: Sink, taps: readonly Tap[]) {
    this.#sink = sink;
    this.#taps = taps;
    for (const { until } of taps) if (until !== undefined) this.#listen(until);
    this.#listen(sink.signal);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  write(message: Uint8Array): boolean {
    return !this.#over && this.#cutAt === undefined && this.#sink.write(message);
  }

  onRoom(callback: () => void): void {
    if (!this.#over && this.#cutAt === undefined) this.#sink.onRoom(callback);
  }

  end(): void {
    this.#finish({ how: 'returned' });
  }

  fail(error: unknown): void {
    this.#finish({ how: 'threw', error });
  }

  #listen(signal: AbortSignal): void {
    if (signal.aborted) this.#cut(signal);
    else signal.addEventListener('abort', this.#aborted, { once: true });
  }

  readonly #aborted = ({ target }: Event) => this.#cut(target as AbortSignal);

  #cut(signal: AbortSignal): void {
    if (this.#over || this.#cutAt !== undefined) return;
    const tap = this.#taps.findIndex(({ until }) => until === signal);
    this.#cutAt = tap === -1 ? this.#taps.length : tap;
    if (tap !== -1) this.#leave(endedBy(this.#taps.slice(tap + 1), { how: 'threw', error: signal.reason }));
    this.#controller.abort(signal.reason);
  }

  #finish(ending: Ending): void {
    if (this.#over) return;
    this.#over = true;
    for (const { until } of this.#taps) until?.removeEventListener('abort', this.#aborted);
    this.#sink.signal.removeEventListener('abort', this.#aborted);
    if (this.#cutAt === undefined) this.#leave(endedBy(this.#taps, ending));
    else void endedBy(this.#taps.slice(0, this.#cutAt), closed);
  }

  #leave(soon: Soon<Ending>): void {
    void soonThen(soon, (ending) => {
      if (ending.how === 'threw') this.#sink.fail(ending.error);
      else if (ending.how === 'returned') this.#sink.end();
    });
  }
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
