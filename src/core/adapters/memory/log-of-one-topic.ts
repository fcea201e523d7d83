import type { LostWhy, NewEvent, TopicEvent, TopicLimits, TopicPosition } from '../../ports/topic-log.ts';
import { replacedMax } from '../../ports/topic-log-limits.ts';

/** The log of one topic: plain data, so that a test can save it and put it back. */
export type KeptLog = {
  readonly epoch: string;
  top: TopicPosition;
  /** The newest event that is no longer kept though no newer one of its key replaced it. */
  floor: TopicPosition;
  /** Of the last publish. */
  ageMs: number;
  /** By offset, oldest first. */
  readonly events: Map<number, TopicEvent>;
  /** The offset of the newest event of each key that is kept. */
  readonly keys: Map<string, number>;
  /** The ids of the last events by offset, where keys are used: of those that were replaced nothing else is left. */
  readonly ids: Map<number, string>;
};

/** Besides its key and payload, what an event costs here. Bytes, roughly. */
const eventBytes = 300;

export function beginLog(epoch: string): KeptLog {
  const start = { epoch, offset: 0, id: '' };
  return { epoch, top: start, floor: start, ageMs: Number.POSITIVE_INFINITY, events: new Map(), keys: new Map(), ids: new Map() };
}

export const bytesOf = ({ key, payload }: TopicEvent) => eventBytes + 2 * key.length + payload.length;

type Appending = { readonly id: string; readonly nowMs: number; readonly limits: TopicLimits };

/** @returns the event, and by how many bytes the log has grown */
export function append(log: KeptLog, { payload, key = '' }: NewEvent, { id, nowMs, limits }: Appending) {
  const position: TopicPosition = { epoch: log.epoch, offset: log.top.offset + 1, id };
  const event: TopicEvent = { position, key, payload: Uint8Array.from(payload), publishedAtMs: nowMs };
  let grown = bytesOf(event);
  const drop = (old: TopicEvent) => {
    log.events.delete(old.position.offset);
    log.keys.delete(old.key); // only the newest of a key is kept
    grown -= bytesOf(old);
  };
  if (key !== '') {
    const replaced = log.events.get(log.keys.get(key) ?? 0);
    if (replaced !== undefined) drop(replaced);
    log.keys.set(key, position.offset);
  }
  if (key !== '' || log.ids.size > 0) log.ids.set(position.offset, id);
  log.ids.delete(position.offset - replacedMax);
  log.events.set(position.offset, event);
  log.top = position;
  const ageMs = Math.min(log.ageMs, limits.ageMs); // what is over stays so when more is kept from now on
  log.ageMs = limits.ageMs;
  for (const old of log.events.values()) {
    if (log.events.size <= limits.size && nowMs < old.publishedAtMs + ageMs) break;
    drop(old);
    log.floor = old.position;
  }
  return { event, grown };
}

/** Forgets all events, and not that there were some. @returns how many bytes that frees */
export function empty(log: KeptLog): number {
  const freed = [...log.events.values()].reduce((sum, event) => sum + bytesOf(event), 0);
  log.events.clear();
  log.keys.clear();
  log.ids.clear();
  log.floor = log.top;
  return freed;
}

/** The events after a position, or why they cannot be given. */
export function eventsAfter(log: KeptLog, after: TopicPosition, nowMs: number): readonly TopicEvent[] | LostWhy {
  if (after.epoch !== log.epoch) return 'epoch';
  if (after.offset > log.top.offset) return 'ahead';
  if (after.offset < log.floor.offset) return 'trimmed';
  const known = [log.top, log.floor, log.events.get(after.offset)?.position].find((position) => position?.offset === after.offset);
  const id = known?.id ?? log.ids.get(after.offset);
  if (id === undefined) return 'trimmed';
  if (id !== after.id) return 'other-event';
  const events = [...log.events.values()].filter(({ position }) => position.offset > after.offset);
  const [first] = events;
  return first !== undefined && nowMs >= first.publishedAtMs + log.ageMs ? 'trimmed' : events;
}
