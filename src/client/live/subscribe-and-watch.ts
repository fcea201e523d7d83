import { sendIfOpen, upToDate } from '../stream/transitions.ts';
import type { LiveDraft, LiveEvent, LiveState, Topic, Watched } from './state.ts';

/** Begins a subscription, or begins it anew. */
export function subscribe(state: LiveState, { topic, ...wish }: Extract<LiveEvent, { type: 'subscribe' }>): LiveDraft {
  const before = state.topics.get(topic);
  const generation = generationAfter(state, before);
  const position = wish.position ?? before?.position;
  const presence = wish.presence ?? before?.presence ?? false;
  const next: Topic = { generation, position, presence, users: undefined, answered: false };
  return {
    state: { ...state, topics: new Map(state.topics).set(topic, next) },
    actions: sendIfOpen(state, { $case: 'subscribe', value: { topic, generation, position, presence } }),
  };
}

/** Begins a watch, or begins it anew. */
export function watch(state: LiveState, { id, method, request, etag }: Extract<LiveEvent, { type: 'watch' }>): LiveDraft {
  const before = state.watches.get(id);
  const equal = before?.method === method && sameBytes(before.request, request);
  const kept = etag ?? (equal ? before.etag : '');
  const next: Watched = { generation: generationAfter(state, before), method, request, etag: kept, key: undefined, answered: false };
  return {
    state: { ...state, watches: new Map(state.watches).set(id, next) },
    actions: sendIfOpen(state, { $case: 'watch', value: { id, generation: next.generation, method, request, etag: kept } }),
  };
}

/** Ends a subscription. */
export function unsubscribe(state: LiveState, name: string): LiveDraft {
  const topic = state.topics.get(name);
  if (topic === undefined) return { state, actions: [] };
  const next = { ...state, topics: without(state.topics, name), endedGeneration: Math.max(state.endedGeneration, topic.generation) };
  return synced(next, sendIfOpen(state, { $case: 'unsubscribe', value: { topic: name, generation: topic.generation } }));
}

/** Ends a watch. */
export function unwatch(state: LiveState, id: number): LiveDraft {
  const watched = state.watches.get(id);
  if (watched === undefined) return { state, actions: [] };
  const next = { ...state, watches: without(state.watches, id), endedGeneration: Math.max(state.endedGeneration, watched.generation) };
  return synced(next, sendIfOpen(state, { $case: 'unwatch', value: { id, generation: watched.generation } }));
}

/** Higher than that of any earlier one of the name: what comes late of one that was ended is not taken for its own. */
function generationAfter({ endedGeneration }: LiveState, before: { readonly generation: number } | undefined): number {
  return (before?.generation ?? endedGeneration) + 1;
}

/** Up to date when all that was asked for has been answered. */
export function synced(state: LiveState, actions: LiveDraft['actions']): LiveDraft {
  const all = [...state.topics.values(), ...state.watches.values()].every(({ answered }) => answered);
  return { state: all ? upToDate(state) : state, actions };
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

export function without<K, V>(map: ReadonlyMap<K, V>, key: K): ReadonlyMap<K, V> {
  const copy = new Map(map);
  copy.delete(key);
  return copy;
}
