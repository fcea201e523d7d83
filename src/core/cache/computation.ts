import type { Clock } from '../kit/clock.ts';
import type { Soon } from '../kit/soon.ts';
import { tagsMax } from '../policy/cache-policy.ts';
import { isTag } from '../policy/template.ts';
import type { CacheEntry } from '../ports/cache-store.ts';
import type { Answer, ReadyCall } from '../ports/call.ts';
import type { Lease } from '../ports/leases.ts';
import type { Begun, Late, Standing, TagVersions } from '../ports/tag-versions.ts';
import type { CacheCounts, NotStoredReason } from './counts.ts';
import type { Stamp } from './judge.ts';
import type { Key } from './key.ts';
import type { CachedMethod } from './method.ts';
import { gone, type HavePatience, type Patience } from './patience.ts';
import type { Memory } from './remembered.ts';
import { pairsOf, type Whole } from './reply.ts';
import type { Shared } from './shared.ts';
import { tagsOf } from './tags.ts';

/** What a computation came to. */
export type Computed = Whole & {
  readonly computedAtMs: number;
  /** The end of its fresh time, when it was stored. */
  readonly freshUntilMs: number | undefined;
  /** What its freshness hangs on: "moved" when that was over before it was finished, undefined when the shared store could not be asked. */
  readonly stamp: Stamp | 'moved' | undefined;
  /** Another replica computed it. */
  readonly elsewhere?: boolean;
};

export type ComputationParts = {
  readonly memory: Memory;
  readonly shared: Shared | undefined;
  readonly versions: TagVersions;
  readonly generation: () => string | undefined;
  readonly havePatience: HavePatience;
  readonly clock: Clock;
  readonly random: () => number;
  readonly counts: CacheCounts;
};

/** A computation whose tags' versions were read before it began. */
export type Computation = {
  /** Of the tags that the policy gives the answer; undefined when the shared store could not be asked. */
  readonly stamp: Stamp | undefined;
  /** In the time of the versions. */
  readonly startedAt: number;
  readonly settling: boolean;
  /**
   * Stores the computed answer, if it may be, and gives it its etag.
   * @param lease without one nothing is stored where answers are shared
   * @param onTags is told all tags of the answer as soon as they are known
   */
  finish(answer: Answer, lease?: Lease, onTags?: (tags: readonly string[]) => void): Promise<Computed>;
};

/** Whose answer is computed, and for how long it waits for the shared store in all: for storing, too. */
export type Wanted = { readonly method: CachedMethod; readonly call: ReadyCall; readonly key: Key; readonly patience: Patience };

/** Reads the versions of the tags that the policy gives the answer. To be awaited before anything is computed. */
export async function beginComputation(parts: ComputationParts, { method, call, key, patience }: Wanted): Promise<Computation> {
  const { versions, generation, counts } = parts;
  const { tags: policyTags, complete } = tagsOf(method, call);
  const current = generation();
  const begun = current === undefined ? gone : await patience.wait(versions.begin(policyTags));
  const stamp = current === undefined || begun === gone ? undefined : { generation: current, tags: policyTags, versions: begun.versions };

  const finish: Computation['finish'] = async (answer, lease, onTags) => {
    const whole = { ...wholeOf(method, answer), computedAtMs: parts.clock.nowMs() };
    const lateTags = [...new Set(answer.tags)].filter((tag) => !policyTags.includes(tag));
    const tagsAllowed = policyTags.length + lateTags.length <= tagsMax && lateTags.every(isTag);
    if (tagsAllowed && complete) onTags?.([...policyTags, ...lateTags]);
    const notStored = (reason: NotStoredReason, stamp: Computed['stamp']): Computed => {
      counts.notStored[reason]++;
      return { ...whole, freshUntilMs: undefined, stamp };
    };
    if (stamp === undefined || begun === gone) return notStored('store_down', undefined);
    const ended = await endStamp(versions, patience, stamp, begun, tagsAllowed ? lateTags : []);
    if (ended === gone) return notStored('store_down', undefined);
    if (whole.etag === undefined) return notStored('partial', ended.stamp);
    if (!complete) return notStored('tag_empty', ended.stamp);
    if (!tagsAllowed) return notStored('tags_wrong', ended.stamp);
    // an answer that was invalidated while it was computed is of no use, and must not take the place of a newer one
    if (ended.stamp === 'moved') return notStored('moved', 'moved');
    if (ended.settling) return notStored('settling', ended.stamp);
    const entry: CacheEntry = {
      ...whole,
      etag: whole.etag,
      ...ended.stamp,
      startedAt: begun.startedAt,
      scope: key.scope,
      ...lifeOf(method, whole.computedAtMs, parts.random()),
    };
    const stored = await store(parts, patience, key.key, entry, lease);
    return stored === 'stored' ? { ...whole, freshUntilMs: entry.freshUntilMs, stamp: ended.stamp } : notStored(stored, ended.stamp);
  };
  return { stamp, startedAt: begun === gone ? 0 : begun.startedAt, settling: stamp !== undefined && begun !== gone && begun.settling, finish };
}

const noLate: Late = { versions: [], settling: false };

/** The stamp of all tags of the answer, late ones too, and whether it still holds at the end. */
async function endStamp(versions: TagVersions, patience: Patience, stamp: Stamp, begun: Begun, lateTags: readonly string[]) {
  type Asked = [Soon<Standing | typeof gone>, Soon<Late | undefined | typeof gone>];
  const [standing, late] = await Promise.all<Asked>([
    patience.wait(versions.standing(stamp.tags, stamp.versions)), // together, in one reading of the store
    lateTags.length === 0 ? noLate : patience.wait(versions.late(lateTags, begun.startedAt)),
  ]);
  if (late === gone || standing === gone) return gone;
  if (late === undefined || standing !== 'unmoved') return { stamp: 'moved' as const, settling: false };
  return {
    stamp: { ...stamp, tags: [...stamp.tags, ...lateTags], versions: [...stamp.versions, ...late.versions] },
    settling: begun.settling || late.settling,
  };
}

/** First where all replicas see it, which refuses one whose lease is over; then here. */
async function store(
  { memory, shared }: ComputationParts,
  patience: Patience,
  key: string,
  entry: CacheEntry,
  lease: Lease | undefined,
): Promise<'stored' | NotStoredReason> {
  if (shared !== undefined) {
    if (lease === undefined) return 'lease_over';
    const result = await patience.wait(shared.set(key, entry, lease));
    if (result === gone) return 'store_down';
    if (result !== 'stored') return result;
  }
  return (await memory.keep(key, entry)) || shared !== undefined ? 'stored' : 'too_large';
}

/** The answer with bytes of its own: what a handler gives may be a view into a pooled Buffer. Partial ones have no etag. */
export function wholeOf(method: CachedMethod, { body, metadata, trailers, partial = false }: Answer): Whole {
  if (!(body instanceof Uint8Array)) throw new Error(`${method.plan.method} is unary, but answered with a stream.`);
  const own = new Uint8Array(body);
  return { body: own, etag: partial ? undefined : method.etagOf(own), metadata: pairsOf(metadata), trailers: pairsOf(trailers), partial };
}

/** Times to live vary by 10 % either way, lest what was stored together ends together. */
function lifeOf({ cache }: CachedMethod, nowMs: number, random: number) {
  const freshUntilMs = nowMs + Math.max(1, Math.round(cache.ttlMs * (0.9 + 0.2 * random)));
  return { freshUntilMs, staleUntilMs: freshUntilMs + Math.max(cache.staleWhileRevalidateMs, cache.staleIfErrorMs) };
}
