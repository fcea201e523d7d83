import { durationText } from '../core/kit/duration.ts';
import type { MethodPlan, Template } from '../core/kit/method-plan.ts';
import { releaseMethods } from '../wire/methods.ts';

/** `portico plan`: every method with its enforced policy. */
export function printPlan({ json = false }: { readonly json?: boolean }): void {
  const plans = [...releaseMethods(undefined).plans.values()].sort((a, b) => (a.method < b.method ? -1 : 1));
  process.stdout.write(json ? planJson(plans) : planTable(plans));
}

const columns = ['METHOD', 'KIND', 'ACCESS', 'DEADLINE', 'CACHE', 'TAGS', 'VARY', 'INVALIDATES', 'ANSWERED BY'] as const;

/** One line for each method. A default has a `*`. */
export function planTable(plans: readonly MethodPlan[]): string {
  const rows = plans.map((plan) => {
    const mark = (field: string, text: string) => (plan.defaulted.includes(field) ? `${text}*` : text);
    const { cache, deadlineMs } = plan;
    return [
      plan.method,
      plan.kind.replace('_', ' '),
      mark('access', accessText(plan)),
      mark('deadline', deadlineMs === undefined ? 'none' : durationText(deadlineMs)),
      cache === undefined ? '-' : cacheText(cache),
      cache === undefined ? '-' : listText(cache.tags.map(sourceOf)),
      cache === undefined ? '-' : listText(cache.vary),
      invalidatesText(plan),
      answeredBy(plan),
    ];
  });
  const widths = columns.map((column, i) => Math.max(column.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const lineOf = (cells: readonly string[]) =>
    cells
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd();
  return `${[lineOf(columns), ...rows.map(lineOf)].join('\n')}\n\n* not said in the .proto: the default\n`;
}

/** A list of the plans, with durations in milliseconds; `defaulted` names the defaults. */
export function planJson(plans: readonly MethodPlan[]): string {
  return `${JSON.stringify(plans.map(jsonOf), null, 2)}\n`;
}

function jsonOf({
  method,
  kind,
  access,
  deadlineMs,
  cache,
  invalidates,
  soft,
  settleMs,
  requestBytes,
  duringMaintenance,
  outdatedApps,
  streamOf,
  forward,
  idempotent,
  safe,
  validated,
  defaulted,
}: MethodPlan) {
  return {
    method,
    kind,
    access,
    deadlineMs: deadlineMs ?? null,
    cache: cache === undefined ? null : { ...cache, tags: cache.tags.map(sourceOf) },
    invalidates: invalidates.map(sourceOf),
    soft,
    settleMs,
    requestBytes,
    duringMaintenance,
    outdatedApps,
    streamOf: streamOf ?? null,
    forward:
      forward === undefined
        ? null
        : {
            upstream: forward.upstream,
            method: forward.path.slice(1),
            metadata: forward.metadata,
            answerMetadata: forward.answerMetadata,
            texts: forward.texts,
          },
    safe,
    idempotent,
    validated,
    defaulted,
  };
}

function accessText({ access }: MethodPlan): string {
  if (access.kind === 'anonymous') return 'open to all';
  if (access.kind === 'services') return 'internal services';
  return access.scopes.length === 0 ? 'signed-in' : access.scopes.join(' ');
}

function cacheText({ scope, claims, ttlMs, staleWhileRevalidateMs, staleIfErrorMs, staleIfPartial }: NonNullable<MethodPlan['cache']>): string {
  const parts = [scope === 'claims' ? `claims(${claims.join(' ')})` : scope, durationText(ttlMs)];
  if (staleWhileRevalidateMs > 0) parts.push(`stale ${durationText(staleWhileRevalidateMs)}`);
  if (staleIfErrorMs > 0) parts.push(`if error${staleIfPartial ? ' or partial' : ''} ${durationText(staleIfErrorMs)}`);
  return parts.join(', ');
}

function invalidatesText({ invalidates, soft, settleMs }: MethodPlan): string {
  const how = [...(soft ? ['soft'] : []), ...(settleMs > 0 ? [`settle ${durationText(settleMs)}`] : [])];
  return `${listText(invalidates.map(sourceOf))}${how.length === 0 ? '' : ` (${how.join(', ')})`}`;
}

function answeredBy({ forward, streamOf, method }: MethodPlan): string {
  if (forward !== undefined) return `${forward.upstream}: ${forward.path.slice(1)}`;
  if (streamOf !== undefined) return `screen of ${streamOf.split('/')[1]}`;
  return method.startsWith('portico.') ? 'Portico' : 'screen';
}

const listText = (items: readonly string[]) => (items.length === 0 ? '-' : items.join(' '));
const sourceOf = ({ source }: Template) => source;
