import type { DescMethod } from '@bufbuild/protobuf';
import { type Cache, Scope } from '../../gen/portico/v1/policy.ts';
import type { AccessPlan, CachePlan } from '../kit/plan.ts';
import { durationBetween, type Say, wrongKey } from './say.ts';
import { parseTemplate, subWithoutUser } from './template.ts';

/** Most tags of one answer: those of the policy, and of the screen beside them. */
export const tagsMax = 64;
const dayMs = 86_400_000;

/** @returns how answers are remembered; contradictions are said */
export function cacheOf(cache: Cache, method: DescMethod, access: AccessPlan, say: Say): CachePlan {
  const scope = cache.scope === Scope.SCOPE_SHARED ? 'shared' : cache.scope === Scope.SCOPE_CLAIMS ? 'claims' : 'user';
  if (cache.scope === Scope.SCOPE_UNSPECIFIED)
    say([3], 'cache has no scope. Say for whom an answer is good: SCOPE_SHARED, SCOPE_USER or SCOPE_CLAIMS.');
  else if (scope !== 'shared' && access.kind !== 'user')
    say([3, 1], `${scope === 'user' ? 'SCOPE_USER' : 'SCOPE_CLAIMS'} needs a signed-in user, but callers of this method need not be one.`);
  if (scope === 'claims' && cache.claims.length === 0)
    say([3, 1], 'SCOPE_CLAIMS needs claims: name those that tell answers apart, such as claims: ["tenant"].');
  if (scope !== 'claims' && cache.claims.length > 0) say([3, 2, 0], 'claims are only for SCOPE_CLAIMS.');
  if (cache.ttl === '') say([3], 'cache has no ttl. Say how long an answer is fresh, such as ttl: "30s".');
  const optional = (text: string, name: string, path: readonly number[]) => (text === '' ? 0 : durationBetween(text, name, 1, 30 * dayMs, path, say));
  if (cache.tags.length > tagsMax) say([3, 6, tagsMax], `cache has ${cache.tags.length} tags: at most ${tagsMax} are allowed.`);
  const claims = new Set(access.kind !== 'user' || scope === 'shared' ? [] : scope === 'claims' ? cache.claims : ['sub']);
  const tags = cache.tags.flatMap((source, i) => {
    const template = parseTemplate(source, method.input, claims);
    if (!('wrong' in template)) return [template];
    const shared =
      scope === 'shared' && source.includes('{sub}') ? `"${source}" uses {sub}, but one SHARED answer is for all: it knows no caller.` : undefined;
    say([3, 6, i], shared ?? subWithoutUser(source, access.kind) ?? template.wrong);
    return [];
  });
  cache.vary.forEach((key, i) => {
    const wrong = wrongKey(key);
    if (wrong !== undefined) say([3, 7, i], `vary ${wrong}`);
    else if (cache.vary.indexOf(key) !== i) say([3, 7, i], `vary "${key}" stands twice.`);
  });
  return {
    scope,
    claims: [...cache.claims].sort(),
    ttlMs: cache.ttl === '' ? 1 : durationBetween(cache.ttl, 'ttl', 1, dayMs, [3, 3], say),
    staleWhileRevalidateMs: optional(cache.staleWhileRevalidate, 'stale_while_revalidate', [3, 4]),
    staleIfErrorMs: optional(cache.staleIfError, 'stale_if_error', [3, 5]),
    tags,
    vary: [...cache.vary].sort(),
  };
}
