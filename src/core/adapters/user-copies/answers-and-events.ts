import type { CacheEntry } from '../../ports/cache-store.ts';
import type { TopicEvent } from '../../ports/topic-log.ts';
import type { OwnOfUsers, UserRecord } from '../../ports/user-data.ts';

export type ScopesOf = OwnOfUsers['scopesOf'];

/** Recognises the answers of some users. */
export type AnswersOf = {
  /** Whether answers of this scope count as theirs. */
  hasScope(scope: string): boolean;
  /** Whether the tag has the id of one of them, with neither a letter nor a digit directly before or behind it. */
  hasTag(tag: string): boolean;
};

export function answersOf(userIds: readonly string[], scopesOf: ScopesOf): AnswersOf {
  const scopes = new Set(userIds.flatMap(scopesOf));
  return { hasScope: (scope) => scopes.has(scope), hasTag: (tag) => userIds.some((userId) => hasId(tag, userId)) };
}

const isPartOfWord = (character = '') => /[A-Za-z0-9]/.test(character);

function hasId(tag: string, userId: string): boolean {
  for (let at = tag.indexOf(userId); at >= 0; at = tag.indexOf(userId, at + 1))
    if (!isPartOfWord(tag[at - 1]) && !isPartOfWord(tag[at + userId.length])) return true;
  return false;
}

/** Whether an answer is the user's, or names the user in a tag. */
export function isOf({ hasScope, hasTag }: AnswersOf, { scope, tags }: Pick<CacheEntry, 'scope' | 'tags'>): boolean {
  return hasScope(scope) || tags.some(hasTag);
}

/** An answer in an export. */
export function answerRecord({ tags, etag, body, metadata, trailers, ...times }: CacheEntry): UserRecord {
  const text = (value: string | Uint8Array) => (typeof value === 'string' ? value : base64(value));
  const pairs = (some: CacheEntry['metadata']) => Object.fromEntries(some.map(([key, values]) => [key, values.map(text)]));
  const data = {
    tags,
    etag,
    body: base64(body),
    metadata: pairs(metadata),
    trailers: pairs(trailers),
    computedAt: new Date(times.computedAtMs),
    freshUntil: new Date(times.freshUntilMs),
    staleUntil: new Date(times.staleUntilMs),
  };
  return { kind: 'answer', data };
}

/** An event of a user's own topic in an export. */
export function eventRecord(topic: string, { key, payload, publishedAtMs }: Pick<TopicEvent, 'key' | 'payload' | 'publishedAtMs'>): UserRecord {
  const data = { topic, key, payload: base64(payload), publishedAt: new Date(publishedAtMs) };
  return { kind: 'event', data };
}

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
