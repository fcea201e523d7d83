// The workload that tries to make fresh answers go back: nothing is invalidated, the truth moves by itself, and computations stall longer than their lease lasts.
import { Metadata } from 'nice-grpc-common';
import { decodedOf } from '../../src/core/cache/key/visible-inputs.ts';
import type { Cache } from '../../src/core/cache/open-cache.ts';
import type { Handler } from '../../src/core/ports/call.ts';
import { GetItemResponse } from '../fixture/gen/fixture/v1/fixture.ts';
import { messageOf, planOf, readyCall } from '../support/cache/ready-call.ts';

/**
 * @returns remembered answers that were older than one which had been served from memory before they were asked for, and how many were served from memory
 */
export async function stall({
  caches,
  random,
  sleep,
  readers = 60,
  reads = 30,
  leaseMs,
}: {
  readonly caches: readonly Cache[];
  readonly random: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  readonly readers?: number;
  /** At least; until something was remembered and something stalled, more. */
  readonly reads?: number;
  /** How long the caches' leases last; a stalled computation takes three times as long, an answer is fresh for a little longer. Milliseconds. */
  readonly leaseMs: number;
}): Promise<{ readonly wentBack: readonly string[]; readonly hits: number; readonly stalls: number }> {
  const plan = { ...planOf('GetItem', { ttlMs: leaseMs * 1.2, staleWhileRevalidateMs: 0, staleIfErrorMs: 0 }), deadlineMs: 30_000 };
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const items = ['1', '2'];
  const newest = new Map<string, number>();
  const wentBack: string[] = [];
  let truth = 0;
  let hits = 0;
  let stalls = 0;
  const compute: Handler = async (call) => {
    const { itemId } = decodedOf(call).message as unknown as { itemId: string };
    const revision = ++truth;
    const stalled = random() < 0.3;
    if (stalled) stalls++;
    await sleep(stalled ? leaseMs * 3 : random() * 2);
    const body = GetItemResponse.encode(GetItemResponse.fromPartial({ itemId, revision })).finish();
    return { metadata: Metadata(), body, trailers: Metadata() };
  };
  const reader = async () => {
    for (let i = 0; i < reads || ((hits === 0 || stalls === 0) && i < reads * 20); i++) {
      await sleep((random() * leaseMs) / 3);
      const [itemId, cache] = [pick(items), pick(caches)];
      const before = newest.get(itemId) ?? 0;
      const answer = await cache.answer(readyCall(plan, { user: 'ada', request: { itemId } }), compute);
      const revision = messageOf(plan, answer).revision as number;
      if (answer.metadata.get('portico-cache') !== 'hit') continue;
      hits++;
      if (revision < before) wentBack.push(`item ${itemId}: ${revision} after ${before}`);
      newest.set(itemId, Math.max(newest.get(itemId) ?? 0, revision));
    }
  };
  await Promise.all(Array.from({ length: readers }, reader));
  return { wentBack, hits, stalls };
}
