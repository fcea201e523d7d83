import { clip } from '../kit/clip-text.ts';
import type { Clock } from '../kit/clock.ts';
import { statusCodes } from '../kit/reasons.ts';
import { onePerWindow } from '../kit/throttle-reports.ts';
import type { Log } from '../ports/log.ts';
import type { UpstreamEnd } from '../ports/upstream-transport.ts';
import { codeOf } from './http-and-transport-failures.ts';

/** A call to an upstream that failed. */
export type Failure = {
  readonly upstream: string;
  /** The configured address. */
  readonly address: string;
  /** "orders.v1.OrderService/GetOrder" */
  readonly method: string;
  readonly traceId: string;
  readonly end: UpstreamEnd;
};

/** One line per upstream and cause in this time; the rest is counted. */
const windowMs = 10_000;
const textBytesMax = 500;

/** Statuses of a failed upstream. All others, such as NOT_FOUND, are answers. */
const failed: ReadonlySet<number> = new Set([
  statusCodes.UNKNOWN,
  statusCodes.DEADLINE_EXCEEDED,
  statusCodes.UNIMPLEMENTED,
  statusCodes.INTERNAL,
  statusCodes.UNAVAILABLE,
  statusCodes.DATA_LOSS,
  statusCodes.UNAUTHENTICATED,
]);
const nameOf = new Map<number, string>(Object.entries(statusCodes).map(([name, code]) => [code, name]));

/**
 * Logs why calls to upstreams fail: the first failure of an upstream and cause at once, and then the number of further
 * ones, every ten seconds with failures. It is bounded by one entry per upstream and cause.
 */
export function openFailureLog(log: Log, clock: Clock): (failure: Failure) => void {
  const say = onePerWindow<Failure>(windowMs, clock, (_kind, { upstream, address, method, traceId, end }, more) =>
    log.warn('An upstream failed.', {
      upstream,
      address,
      ...(end.peer === undefined ? {} : { peer: end.peer }),
      cause: causeOf(end),
      code: nameOf.get(codeOf(end)) ?? 'UNKNOWN',
      detail: clipped(end.by === 'upstream' ? end.message : end.detail),
      method,
      trace_id: traceId,
      ...(more === 0 ? {} : { more_since: more }),
    }),
  );
  return (failure) => {
    const cause = causeOf(failure.end);
    if (cause !== undefined) say(`${failure.upstream} ${cause}`, failure);
  };
}

/** undefined: it is not a failure of the upstream. */
function causeOf(end: UpstreamEnd): string | undefined {
  if (end.by === 'upstream') return failed.has(end.code) ? 'status' : undefined;
  return end.cause === 'cancelled' ? undefined : end.cause;
}

/** Well-formed text on one line of bounded length. */
function clipped(text: string): string {
  return clip(text.slice(0, textBytesMax).replace(/\p{Cc}+/gu, ' '), textBytesMax);
}
