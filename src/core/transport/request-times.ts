import type { Clock } from '../kit/clock.ts';

/** A request whose end has not come yet. */
export type Coming = { isWhole(): boolean /** Ends it without an answer of ours, or with one that says that it took too long. */; end(): void };

export type RequestTimes = {
  /** @param url path, with a query or without @returns forgets it */
  watch(url: string, coming: Coming): () => void;
  close(): void;
};

const nothing = () => {};

/**
 * Ends requests of one message that have not come whole in time: they hold a stream, or a connection, and no deadline runs yet (slowloris). Streams of requests may be long.
 * One timer for all: a timer of its own for each of them would cost more than the look.
 * @param takesOne whether the method of a path takes one message; others are not watched
 * @param requestMs how long they may take: looked at twice in that time
 */
export function requestTimes(takesOne: (path: string) => boolean, requestMs: number, clock: Clock): RequestTimes {
  const open = new Map<Coming, number>(); // in the order of their beginning
  let cancel = nothing;
  const look = () => {
    const beforeMs = clock.monotonicMs() - requestMs;
    for (const [coming, sinceMs] of open) {
      if (sinceMs > beforeMs) break;
      open.delete(coming);
      if (!coming.isWhole()) coming.end();
    }
    cancel = clock.after(requestMs / 2, look);
  };
  cancel = clock.after(requestMs / 2, look);
  return {
    watch: (url, coming) => {
      if (!takesOne(url.split('?', 1)[0] ?? '')) return nothing;
      open.set(coming, clock.monotonicMs());
      return () => void open.delete(coming);
    },
    close: () => cancel(),
  };
}
