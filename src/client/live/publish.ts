import type { LivePublish } from '../../gen/portico/v1/live.ts';
import type { LiveDraft, LiveState, Publishing } from './state.ts';

/** Events of the app that wait for an answer. */
const publishesMax = 100;
/**
 * How long an event is sent again after the first time. The server knows its request id for five minutes (live.proto),
 * and the network may hold it back for one. Milliseconds.
 */
const repeatMs = 240_000;

/**
 * Publishes an event, as soon as a stream is there. One that already waits keeps its first time: once that is too long
 * ago it is not sent again, and the next stream brings `UNANSWERED`.
 */
export function publish(state: LiveState, event: LivePublish, nowMs: number): LiveDraft {
  const known = state.publishes.get(event.requestId);
  if (known === undefined && state.publishes.size >= publishesMax) return { state, actions: [published(event.requestId, 'QUEUE_FULL')] };
  if (known !== undefined && isLate(known, nowMs)) return { state, actions: [] };
  const isSent = state.phase === 'syncing' || state.phase === 'live';
  const next: Publishing = { event, sentAtMs: known?.sentAtMs ?? (isSent ? nowMs : undefined) };
  return {
    state: { ...state, publishes: new Map(state.publishes).set(event.requestId, next) },
    actions: isSent ? [send(event)] : [],
  };
}

/** A stream has begun: what is not answered is sent on it, unless that is too late. */
export function publishAgain(state: LiveState, nowMs: number): LiveDraft {
  const all = [...state.publishes.values()];
  const again = all.filter((each) => !isLate(each, nowMs)).map(({ event, sentAtMs = nowMs }): Publishing => ({ event, sentAtMs }));
  return {
    state: { ...state, publishes: new Map(again.map((each) => [each.event.requestId, each])) },
    actions: [
      ...all.filter((each) => isLate(each, nowMs)).map(({ event }) => published(event.requestId, 'UNANSWERED')),
      ...again.map(({ event }) => send(event)),
    ],
  };
}

/** Sent once more it may be published twice. */
const isLate = ({ sentAtMs }: Publishing, nowMs: number) => sentAtMs !== undefined && nowMs - sentAtMs >= repeatMs;
const send = (event: LivePublish) => ({ do: 'send', message: { $case: 'publish', value: event } }) as const;
const published = (requestId: string, reason: string) => ({ do: 'notify', notice: { kind: 'published', requestId, reason } }) as const;
