// What a client of a topic received, compared with what was published.
import type { LiveResponse } from '../../src/gen/portico/v1/live.ts';

/** A published event; its number is its place in the list of all, and its payload. */
export type Published = {
  /** The number of the event before it in the log; -1: it was the first. */
  readonly before: number;
};

export type Position = { readonly epoch: string; readonly offset: number; readonly id: string };

export type Reader = {
  receive(message: NonNullable<LiveResponse['message']>): void;
  /** Where the client stands; undefined: it has received nothing yet. */
  position(): Position | undefined;
  /** The number of its last event; -1: none. */
  last(): number;
  wrong(what: string): void;
  /** How often it was notified that something is missing. */
  notified(): number;
  /** @param top the number of the log's last event, which it should have by now */
  problems(top: number): readonly string[];
};

/**
 * Events must follow each other as they did in the log, unless the client was notified between them. A client that was
 * notified begins at the position that it was given.
 */
export function openReader(name: string, published: readonly Published[]): Reader {
  const found: string[] = [];
  let position: Position | undefined;
  /** The number of the last event; undefined: it was notified, and any event may follow. */
  let last: number | undefined;
  let lastSeen = -1;
  let notified = 0;
  let began = false;
  return {
    receive: (message) => {
      if (message.$case === 'subscribed') {
        const { recovered, position: at } = message.value;
        if (!recovered) {
          last = undefined;
          if (began) notified++;
        }
        if (recovered && position === undefined) found.push(`${name}: it was recovered from no position`);
        began = true;
        position = { epoch: at?.epoch ?? '', offset: Number(at?.offset ?? 0), id: at?.eventId ?? '' };
      }
      if (message.$case !== 'events') return;
      for (const { payload, offset, id } of message.value.events) {
        const n = Number(Buffer.from(payload).toString());
        const before = published[n]?.before;
        if (before === undefined) found.push(`${name}: ${n} was never published`);
        else if (last !== undefined && before !== last) found.push(`${name}: after ${last} came ${n}, before which was ${before}`);
        last = n;
        lastSeen = n;
        position = { epoch: position?.epoch ?? '', offset: Number(offset), id };
      }
    },
    position: () => position,
    last: () => lastSeen,
    wrong: (what) => void found.push(`${name}: ${what}`),
    notified: () => notified,
    problems: (top) => (last === undefined || last === top ? found : [...found, `${name}: it ended with ${last} instead of ${top}`]),
  };
}
