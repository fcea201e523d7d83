import type { Position } from '../../gen/portico/v1/live.ts';
import type { LiveWish, Notice } from './state.ts';

/**
 * What an app keeps of its live updates for its next process: in its own database, in one transaction with the data
 * that each change brings. The client itself stores nothing of it.
 */
export type KeptLive = {
  readonly topics: ReadonlyMap<string, KeptTopic>;
  /** Of the last whole snapshot that is kept, by the id of its watch. */
  readonly etags: ReadonlyMap<number, string>;
};
export type KeptTopic = {
  /** Of the last event whose data are kept. Undefined: there is none. */
  readonly position: Position | undefined;
  /** Whether events were missing, and what the topic is about was not loaded since. */
  readonly isMissing: boolean;
  /** The position of the `subscribed` that said so: perhaps none. */
  readonly missingAt: Position | undefined;
};

export const nothingKept: KeptLive = { topics: new Map(), etags: new Map() };

/** What changes it: what the client notifies of, and what the app does itself. */
export type KeptChange =
  | Notice
  /** What the topic is about is loaded, and kept. @property since of the `subscribed` that the load followed */
  | { readonly kind: 'loaded'; readonly topic: string; readonly since: Position | undefined }
  /** The app has ended it. */
  | { readonly kind: 'unsubscribed'; readonly topic: string }
  | { readonly kind: 'unwatched'; readonly id: number };

/** What is kept after a change. An app that signs somebody out keeps nothing. */
export function keptAfter(kept: KeptLive, change: KeptChange): KeptLive {
  switch (change.kind) {
    case 'subscribed': {
      const { topic, position, recovered } = change;
      return withTopic(kept, topic, recovered ? { ...topicOf(kept, topic), position } : { position, isMissing: true, missingAt: position });
    }
    case 'event':
      return withTopic(kept, change.topic, { ...topicOf(kept, change.topic), position: change.position });
    case 'loaded': {
      const { position, isMissing, missingAt } = topicOf(kept, change.topic);
      return isMissing && isSame(missingAt, change.since) ? withTopic(kept, change.topic, { ...nothingMissing, position }) : kept;
    }
    case 'snapshot':
      return change.partial ? kept : { ...kept, etags: new Map(kept.etags).set(change.id, change.etag) };
    case 'topicClosed':
      return change.comesBack ? kept : without(kept, { topic: change.topic });
    case 'unsubscribed':
      return without(kept, { topic: change.topic });
    case 'watchClosed':
      return change.comesBack ? kept : without(kept, { id: change.id });
    case 'unwatched':
      return without(kept, { id: change.id });
    case 'startOver':
      return nothingKept;
    default:
      return kept;
  }
}

/** How the next process subscribes. Without a position where something is missing: it is notified of that once more. */
export function subscribeFrom(kept: KeptLive, topic: string): Extract<LiveWish, { type: 'subscribe' }> {
  const { position, isMissing } = topicOf(kept, topic);
  return { type: 'subscribe', topic, ...(position !== undefined && !isMissing && { position }) };
}

const nothingMissing: KeptTopic = { position: undefined, isMissing: false, missingAt: undefined };

function topicOf(kept: KeptLive, name: string): KeptTopic {
  return kept.topics.get(name) ?? nothingMissing;
}

function withTopic(kept: KeptLive, name: string, topic: KeptTopic): KeptLive {
  return { ...kept, topics: new Map(kept.topics).set(name, topic) };
}

function without(kept: KeptLive, { topic, id }: { readonly topic?: string; readonly id?: number }): KeptLive {
  return {
    topics: new Map([...kept.topics].filter(([name]) => name !== topic)),
    etags: new Map([...kept.etags].filter(([other]) => other !== id)),
  };
}

function isSame(a: Position | undefined, b: Position | undefined): boolean {
  return a?.epoch === b?.epoch && a?.offset === b?.offset && a?.eventId === b?.eventId;
}
