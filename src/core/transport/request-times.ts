import type { Clock } from '../kit/clock.ts';
import { slots } from '../kit/slots.ts';

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
  const open = slots<{ readonly coming: Coming; readonly sinceMs: number; looked: boolean }>();
  let cancel = nothing;
  const look = () => {
    const beforeMs = clock.monotonicMs() - requestMs;
    for (const watched of open.all()) {
      if (watched.looked || watched.sinceMs > beforeMs) continue;
      watched.looked = true; // once is enough
      if (!watched.coming.isWhole()) watched.coming.end();
    }
    cancel = clock.after(requestMs / 2, look);
  };
  cancel = clock.after(requestMs / 2, look);
  return {
    watch: (url, coming) => {
      if (!takesOne(url.split('?', 1)[0] ?? '')) return nothing;
      const watched = { coming, sinceMs: clock.monotonicMs(), looked: false };
      const slot = open.put(watched);
      return () => open.drop(slot, watched);
    },
    close: () => cancel(),
  };
}
