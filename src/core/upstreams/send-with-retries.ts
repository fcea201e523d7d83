import { backoffMs } from '../kit/backoff.ts';
import type { Clock } from '../kit/clock.ts';
import { statusCodes } from '../kit/reasons.ts';
import { pause } from '../kit/until-called.ts';
import type { UpstreamCall, UpstreamEnd, UpstreamTransport } from '../ports/upstream-transport.ts';
import { codeOf } from './http-and-transport-failures.ts';
import { sendUnary, type UnaryResult } from './send-unary.ts';

/** Waits before retries, ±20 % (gRFC A6). */
const backoff = { firstMs: 50, factor: 2, mostMs: 1_000, least: 0.8, spread: 0.4 } as const;
/**
 * gRFC A6, "Throttling Retry Attempts and Hedged RPCs": a failure takes one token, a success returns a tenth; there are
 * no retries at half or below.
 */
const tokensMax = 10;
const tokensPerSuccess = 0.1;

/** The retry budget of one upstream, shared by all its calls. */
export type RetryBudget = { tokens: number };
export const retryBudget = (): RetryBudget => ({ tokens: tokensMax });

export type RetryParts = { readonly clock: Clock /** From 0 to 1. */; readonly random: () => number; readonly budget: RetryBudget };

export type Retried = {
  readonly call: UpstreamCall;
  readonly request: Uint8Array;
  readonly signal: AbortSignal;
  readonly attemptsMax: number;
};

/**
 * Retries a call of one request while its upstream is unavailable (gRFC A6): at most `attemptsMax` attempts, within the
 * call's deadline and the budget, and with the upstream's pushback. An attempt with initial metadata is the answer.
 * Never rejects.
 */
export async function sendWithRetries(
  transport: UpstreamTransport,
  { call, request, signal, attemptsMax }: Retried,
  { clock, random, budget }: RetryParts,
): Promise<UnaryResult> {
  for (let retries = 0, waits = 0; ; retries++) {
    const again = retries === 0 ? call : { ...call, metadata: [...call.metadata, ['grpc-previous-rpc-attempts', String(retries)] as const] };
    const result = await sendUnary(transport, again, request, signal);
    const pushback = pushbackOf(result.end);
    const unavailable = codeOf(result.end) === statusCodes.UNAVAILABLE;
    if (unavailable || pushback === 'never') budget.tokens = Math.max(0, budget.tokens - 1);
    else if (result.body !== undefined) budget.tokens = Math.min(tokensMax, budget.tokens + tokensPerSuccess);
    const mayRetry = unavailable && result.headers === undefined && pushback !== 'never' && !signal.aborted;
    if (!mayRetry || retries + 1 >= attemptsMax || budget.tokens <= tokensMax / 2) return result;
    waits = pushback === undefined ? waits + 1 : 0; // after a pushback the backoff starts again
    const waitMs = pushback ?? backoffMs(backoff, waits, random);
    if (call.deadlineAtMs !== undefined && clock.nowMs() + waitMs >= call.deadlineAtMs) return result;
    await pause(clock, waitMs, signal);
    if (signal.aborted) return result;
  }
}

/**
 * The upstream's pushback in milliseconds; `never`: it forbids a retry, or its value is invalid (gRFC A6, "Server
 * Pushback").
 */
function pushbackOf(end: UpstreamEnd): number | 'never' | undefined {
  const said = end.by === 'upstream' ? end.trailers.getAll('grpc-retry-pushback-ms')[0] : undefined;
  if (said === undefined) return undefined;
  return /^\d{1,9}$/.test(String(said)) ? Number(said) : 'never';
}
