import type { DescMethod } from '@bufbuild/protobuf';
import { type Cache, Scope } from '../../gen/portico/v1/policy.ts';
import type { AccessPlan, CachePlan } from '../kit/method-plan.ts';
import { wrongKey } from './forbidden-metadata-keys.ts';
import { durationBetween, type Report, reportDuplicates } from './policy-errors.ts';
import type { PolicyPath } from './policy-path.ts';
import { tagsMax } from './tag-limits.ts';
import { parseTemplate, whyNoSub } from './tag-template.ts';

const dayMs = 86_400_000;
/** The default interval between computations for watches. */
const watchIntervalMs = 1_000;
const answerScopes = new Set<Scope>([Scope.SCOPE_SHARED, Scope.SCOPE_USER, Scope.SCOPE_CLAIMS]);
const claimName = /^[!#-&(-z|~]{1,200}$/;
/**
 * Claims of one token (RFC 7519, section 4.1; `sid` of OpenID Connect), and metadata of one call: as parts of a key
 * they would make every call a miss.
 */
const perToken = new Set(['exp', 'iat', 'nbf', 'jti', 'sid', 'auth_time']);
const perCall = new Set(['if-none-match', 'idempotency-key', 'date']);

/** @returns how answers are cached; contradictions are reported */
export function cacheOf(cache: Cache, method: DescMethod, access: AccessPlan, report: Report): CachePlan {
  const scope = cache.scope === Scope.SCOPE_SHARED ? 'shared' : cache.scope === Scope.SCOPE_CLAIMS ? 'claims' : 'user';
  if (!answerScopes.has(cache.scope))
    report(
      cache.scope === Scope.SCOPE_UNSPECIFIED ? 'cache' : 'cache.scope',
      `cache has no scope${cache.scope === Scope.SCOPE_UNSPECIFIED ? '' : ' that this release knows'}. Say for whom an answer is good: SCOPE_SHARED, SCOPE_USER or SCOPE_CLAIMS.`,
    );
  else if (scope !== 'shared' && access.kind !== 'user')
    report('cache.scope', `${scope === 'user' ? 'SCOPE_USER' : 'SCOPE_CLAIMS'} needs a signed-in user, but callers of this method need not be one.`);
  if (scope === 'claims' && cache.claims.length === 0)
    report('cache.scope', 'SCOPE_CLAIMS needs claims: name those that distinguish answers, such as claims: ["tenant"].');
  if (scope !== 'claims' && cache.claims.length > 0) report('cache.claims[0]', 'claims are only for SCOPE_CLAIMS.');
  cache.claims.forEach((claim, i) => {
    if (!claimName.test(claim))
      report(`cache.claims[${i}]`, `claim "${claim}" is not one: printable ASCII without spaces, braces and quotes is allowed, such as "tenant".`);
    else if (perToken.has(claim)) report(`cache.claims[${i}]`, `claim "${claim}" differs with every token: no answer would ever be found again.`);
  });
  reportDuplicates(cache.claims, 'claim', 'cache.claims', report);
  if (cache.ttl === '') report('cache', 'cache has no ttl. Say how long an answer is fresh, such as ttl: "30s".');
  const optional = (text: string, path: PolicyPath) => (text === '' ? 0 : durationBetween(text, { leastMs: 1, mostMs: 30 * dayMs }, path, report));
  if (cache.tags.length > tagsMax) report(`cache.tags[${tagsMax}]`, `cache has ${cache.tags.length} tags: at most ${tagsMax} are allowed.`);
  const claims = new Set(access.kind !== 'user' || scope === 'shared' ? [] : scope === 'claims' ? cache.claims : ['sub']);
  const tags = cache.tags.flatMap((source, i) => {
    const template = parseTemplate(source, method.input, claims);
    if (!('wrong' in template)) return [template];
    report(`cache.tags[${i}]`, whyNoSub(source, access.kind, scope) ?? template.wrong);
    return [];
  });
  reportDuplicates(cache.tags, 'tag', 'cache.tags', report);
  cache.vary.forEach((key, i) => {
    const wrong = wrongKey(key);
    if (wrong !== undefined) report(`cache.vary[${i}]`, `vary ${wrong}`);
    else if (key.endsWith('-bin')) report(`cache.vary[${i}]`, `vary "${key}" is binary metadata, which is not supported here.`);
    else if (perCall.has(key)) report(`cache.vary[${i}]`, `vary "${key}" differs with every call: no answer would ever be found again.`);
  });
  reportDuplicates(cache.vary, 'vary', 'cache.vary', report);
  const staleWhileRevalidateMs = optional(cache.staleWhileRevalidate, 'cache.staleWhileRevalidate');
  const staleIfErrorMs = optional(cache.staleIfError, 'cache.staleIfError');
  if (staleIfErrorMs > 1 && staleIfErrorMs <= staleWhileRevalidateMs)
    report(
      'cache.staleIfError',
      `stale_if_error "${cache.staleIfError}" never acts: stale_while_revalidate "${cache.staleWhileRevalidate}" serves the old answer for as long anyway. Make it longer, or leave it out.`,
    );
  if (cache.staleIfPartial && staleIfErrorMs === 0)
    report(
      'cache.staleIfPartial',
      'stale_if_partial needs stale_if_error: say for how long an old whole answer is better than one with parts missing.',
    );
  return {
    scope,
    claims: [...cache.claims].sort(),
    ttlMs: cache.ttl === '' ? 1 : durationBetween(cache.ttl, { leastMs: 1, mostMs: dayMs }, 'cache.ttl', report),
    staleWhileRevalidateMs,
    staleIfErrorMs,
    staleIfPartial: cache.staleIfPartial,
    tags,
    vary: [...cache.vary].sort(),
    watchIntervalMs:
      cache.watchInterval === ''
        ? watchIntervalMs
        : durationBetween(cache.watchInterval, { leastMs: 10, mostMs: 600_000 }, 'cache.watchInterval', report),
  };
}
