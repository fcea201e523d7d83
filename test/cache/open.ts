// A cache in memory on a clock that stands, and a computation that counts.
import { Metadata } from 'nice-grpc-common';
import { memoryCacheStore } from '../../src/core/adapters/memory/cache-store.ts';
import { memoryTagVersions } from '../../src/core/adapters/memory/tag-versions.ts';
import { type CacheParts, openCache } from '../../src/core/cache/open-cache.ts';
import type { Answer, Handler, ReadyCall } from '../../src/core/ports/call.ts';
import { GetItemResponse, ListItemsResponse } from '../fixture/gen/fixture/v1/fixture.ts';
import { testCounts } from '../support/cache/counts.ts';
import { pulled } from '../support/pulled.ts';
import { fakeClock } from '../support/time/clock.ts';

/** @param overrides parts of another kind */
export function openTestCache(overrides: Partial<CacheParts> = {}) {
  const clock = fakeClock();
  const counts = testCounts();
  const cache = openCache({
    store: memoryCacheStore({ bytesMax: 1_000_000 }),
    versions: memoryTagVersions({ clock }),
    clock,
    random: () => 0.5, // no jitter
    counts,
    locales: ['en', 'de'],
    ...overrides,
  });
  // always a promise, so that tests can hold what is still to come
  const answer = async (...given: Parameters<typeof cache.answer>) => cache.answer(...given);
  return { cache: { ...cache, answer }, answerSoon: cache.answer, clock, counts };
}

/** All messages of an answer, of a stream or not. */
export async function messagesOf({ body }: Answer): Promise<readonly Uint8Array[]> {
  if (body instanceof Uint8Array) return [body];
  const messages: Uint8Array[] = [];
  for await (const message of pulled(body, new AbortController().signal)) messages.push(message);
  return messages;
}

/** Which computation the last message of a stream is of. */
export async function lastRevision(answer: Answer | Promise<Answer>): Promise<number> {
  return GetItemResponse.decode((await messagesOf(await answer)).at(-1) ?? new Uint8Array()).revision;
}

export type Computation = Handler & {
  /** The calls as the computation saw them. */
  readonly seen: ReadyCall[];
  /** Lets all computations that wait go on. */
  release(): void;
};

/**
 * Computes items; every one gets the next revision.
 * @param held whether computations wait for `release`
 */
export function computation(answer: Partial<Answer> | (() => Partial<Answer>) = {}, { held = false } = {}): Computation {
  const seen: ReadyCall[] = [];
  let gate = held ? Promise.withResolvers<void>() : undefined;
  const handler: Handler = async (call) => {
    const revision = seen.push(call);
    await gate?.promise;
    const body = bodyOf(call, revision);
    return { metadata: Metadata(), body, trailers: Metadata(), ...(typeof answer === 'function' ? answer() : answer) };
  };
  return Object.assign(handler, {
    seen,
    release: () => {
      gate?.resolve();
      gate = undefined;
    },
  });
}

function bodyOf({ plan, caller }: ReadyCall, revision: number): Uint8Array {
  if (plan.descriptor.output.typeName.endsWith('ListItemsResponse')) return ListItemsResponse.encode({ itemIds: [], revision }).finish();
  return GetItemResponse.encode(GetItemResponse.fromPartial({ owner: caller?.kind === 'user' ? caller.userId : '', revision })).finish();
}

/** How an answer was come by, and which computation it is of. */
export function cameBy({ metadata, body }: Answer): string {
  const { revision } = GetItemResponse.decode(body as Uint8Array);
  return `${metadata.get('portico-cache')} ${revision}`;
}
