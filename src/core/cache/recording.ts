import type { Clock } from '../kit/clock.ts';
import { tagsMax } from '../policy/cache-policy.ts';
import { isTag, renderTemplate } from '../policy/template.ts';
import type { CacheEntry, CacheStore } from '../ports/cache-store.ts';
import type { Answer, ReadyCall } from '../ports/call.ts';
import type { TagVersions } from '../ports/tag-versions.ts';
import type { CacheCounts, NotStoredReason } from './counts.ts';
import { callerOf, decodedOf } from './inputs.ts';
import type { Key } from './key.ts';
import type { CachedMethod } from './method.ts';
import { pairsOf, type Whole } from './reply.ts';

/** What a computation came to. */
export type Computed = Whole & {
  /** The end of its fresh time, when it was stored. */
  readonly freshUntilMs: number | undefined;
};

/** What storing takes. */
export type RecordingParts = {
  readonly store: CacheStore;
  readonly versions: TagVersions;
  readonly clock: Clock;
  readonly random: () => number;
  readonly counts: CacheCounts;
};

/** A computation whose tags' versions were read before it began. */
export type Recording = {
  /**
   * Stores the computed answer, if it may be, and gives it its etag.
   * @param onTags is told all tags of the answer as soon as they are known
   */
  finish(answer: Answer, onTags?: (tags: readonly string[]) => void): Promise<Computed>;
};

/** Reads the versions of the tags that the policy gives the answer. To be awaited before anything is computed. */
export async function record(parts: RecordingParts, method: CachedMethod, call: ReadyCall, { key, scope }: Key): Promise<Recording> {
  const { store, versions, clock, random, counts } = parts;
  const policyTags = tagsOf(method, call);
  const begun = await versions.begin(policyTags ?? []);

  const finish: Recording['finish'] = async (answer, onTags) => {
    const whole = wholeOf(method, answer);
    const notStored = (reason: NotStoredReason): Computed => {
      counts.notStored[reason]++;
      return { ...whole, freshUntilMs: undefined };
    };
    if (whole.etag === undefined) return notStored('partial');
    if (policyTags === undefined) return notStored('tag_empty');
    const lateTags = [...new Set(answer.tags)].filter((tag) => !policyTags.includes(tag));
    const tags = [...policyTags, ...lateTags];
    if (tags.length > tagsMax || !lateTags.every(isTag)) return notStored('tags_wrong');
    onTags?.(tags);
    const lateVersions = lateTags.length === 0 ? [] : await versions.late(lateTags, begun.startedAt);
    if (lateVersions === undefined) return notStored('moved');
    // an answer that was invalidated while it was computed is of no use, and must not take the place of a newer one
    if (!(await versions.unmoved(policyTags, begun.versions))) return notStored('moved');
    const entry: CacheEntry = {
      body: whole.body,
      etag: whole.etag,
      metadata: whole.metadata,
      trailers: whole.trailers,
      tags,
      versions: [...begun.versions, ...lateVersions],
      scope,
      ...lifeOf(method, clock.nowMs(), random()),
    };
    return (await store.set(key, entry)) ? { ...whole, freshUntilMs: entry.freshUntilMs } : notStored('too_large');
  };
  return { finish };
}

/** The answer with bytes of its own: what a handler gives may be a view into a pooled Buffer. Partial ones have no etag. */
export function wholeOf(method: CachedMethod, { body, metadata, trailers, partial = false }: Answer): Whole {
  if (!(body instanceof Uint8Array)) throw new Error(`${method.plan.method} is unary, but answered with a stream.`);
  const own = new Uint8Array(body);
  return { body: own, etag: partial ? undefined : method.etagOf(own), metadata: pairsOf(metadata), trailers: pairsOf(trailers), partial };
}

/** @returns the policy's tags of this call, or undefined when one of them has no value or is no tag */
function tagsOf({ cache, plan }: CachedMethod, call: ReadyCall): readonly string[] | undefined {
  const { message } = decodedOf(call);
  const caller = callerOf(call.caller, cache);
  const tags = new Set<string>();
  for (const template of cache.tags) {
    const tag = renderTemplate(template, { desc: plan.descriptor.input, message }, (name) => caller?.claims.get(name));
    if (tag === undefined) return undefined;
    tags.add(tag);
  }
  return [...tags];
}

/** Times to live vary by 10 % either way, lest what was stored together ends together. */
function lifeOf({ cache }: CachedMethod, nowMs: number, random: number) {
  const freshUntilMs = nowMs + Math.max(1, Math.round(cache.ttlMs * (0.9 + 0.2 * random)));
  return { computedAtMs: nowMs, freshUntilMs, staleUntilMs: freshUntilMs + Math.max(cache.staleWhileRevalidateMs, cache.staleIfErrorMs) };
}
