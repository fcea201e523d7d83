// Many users, two replicas, one shared cache: every answer carries its owner's mark in each of its bytes that can.
import { Metadata } from 'nice-grpc-common';
import type { Cache } from '../../src/core/cache/open-cache.ts';
import type { Handler, ReadyCall } from '../../src/core/ports/call.ts';
import { GetItemResponse } from '../fixture/gen/fixture/v1/fixture.ts';
import { planOf, readyCall } from '../support/cache/ready-call.ts';
import { insistOnInvalidating } from './insist.ts';

const users = Array.from({ length: 100 }, (_, i) => `user-${i}`);
const tenants = ['north', 'south', 'east'];
const items = Array.from({ length: 5 }, (_, i) => String(i));
const deadlineMs = 30_000; // nothing fails because a machine is busy
const byUser = { ...planOf('GetItem', { ttlMs: 200, staleWhileRevalidateMs: 500, staleIfErrorMs: 1_000 }), deadlineMs };
const byTenant = {
  ...planOf('GetItem', { ttlMs: 200, scope: 'claims', claims: ['tenant'], tags: [], staleIfErrorMs: 0 }),
  fingerprint: 'by tenant',
  deadlineMs,
};

/** For whom an answer is, as its computation knows it. */
function markOf({ plan, caller }: Pick<ReadyCall, 'plan' | 'caller'>): string {
  if (caller?.kind !== 'user') return 'nobody';
  return plan.cache?.scope === 'claims' ? `tenant ${caller.claims.get('tenant')}` : `user ${caller.userId}`;
}

/**
 * Calls at random. Entries live for moments: on a busy machine more calls are made until each of `wanted` was a result.
 * @returns answers with another's mark, and how the answers were come by
 */
export async function callAsUsers({
  caches,
  random,
  calls,
  wanted,
  atOnce = 50,
}: {
  readonly caches: readonly Cache[];
  readonly random: () => number;
  readonly calls: number;
  readonly wanted: readonly string[];
  readonly atOnce?: number;
}): Promise<{ readonly foreign: readonly string[]; readonly results: Readonly<Record<string, number>> }> {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const foreign: string[] = [];
  const results: Record<string, number> = {};
  const compute: Handler = async (call) => {
    if (random() < 0.5) await new Promise((soon) => setImmediate(soon));
    const mark = markOf(call);
    const body = GetItemResponse.encode(
      GetItemResponse.fromPartial({ owner: mark, title: `${mark} `.repeat(20), labels: new Map([[mark, mark]]) }),
    ).finish();
    return { metadata: Metadata({ 'x-mark': mark }), body, trailers: Metadata({ 'x-mark-end': mark }), tags: [mark.replace(' ', ':')] };
  };
  let made = 0;
  const isEnough = () => made >= calls && (wanted.every((result) => (results[result] ?? 0) > 0) || made >= 20 * calls);
  const caller = async () => {
    while (!isEnough()) {
      made++;
      const user = pick(users);
      const tenant = pick(tenants);
      const plan = random() < 0.7 ? byUser : byTenant;
      const cache = pick(caches);
      if (random() < 0.02) await insistOnInvalidating(cache, [`item:${pick(items)}`]);
      const call = readyCall(plan, { user, claims: { tenant }, request: { itemId: pick(items) } });
      const mark = markOf(call);
      const { body, metadata, trailers } = await cache.answer(call, compute);
      const { owner, title, labels } = GetItemResponse.decode(body as Uint8Array);
      const seen = [owner, metadata.get('x-mark'), trailers.get('x-mark-end'), ...labels.keys(), ...labels.values(), title.slice(0, mark.length)];
      if (seen.some((one) => one !== mark) || title !== `${mark} `.repeat(20)) foreign.push(`${mark} got ${seen.join(', ')}`);
      const result = String(metadata.get('portico-cache'));
      results[result] = (results[result] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, caller));
  return { foreign, results };
}
