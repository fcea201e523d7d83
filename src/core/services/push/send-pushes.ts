import { type Run, repeat, tryAgain } from '../../kit/background-work.ts';
import { type Backoff, backoffMs } from '../../kit/backoff.ts';
import type { Clock } from '../../kit/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { Push, PushQueue, PushResult } from '../../ports/push-queue.ts';
import type { PushOutcome, PushSender } from '../../ports/push-sender.ts';
import type { PushProvider } from '../../ports/push-tokens.ts';
import { openRecorder } from './batch-push-results.ts';
import type { PushMetrics } from './push-metrics.ts';

/** Times in milliseconds. */
export type SendLimits = {
  /** Pushes of one platform that a replica sends at once. */
  readonly atOnce: number;
  /** How often it is asked what is due. */
  readonly everyMs: number;
  /** How long one attempt may take, and how long its push is leased. Recording has the time between. */
  readonly timeoutMs: number;
  readonly leaseMs: number;
};
export const sendLimits: SendLimits = { atOnce: 100, everyMs: 1_000, timeoutMs: 20_000, leaseMs: 60_000 };
/** What was answered when the server stops has this long to be recorded. */
const recordMs = 1_000;
/** The wait before another attempt of one push, and before anything else where the platform takes nothing. */
const backoff: Backoff = { firstMs: 2_000, factor: 2, mostMs: 600_000, least: 0.5, spread: 0.5 };
const pauseBackoff: Backoff = { firstMs: 1_000, factor: 2, mostMs: 60_000, least: 0.5, spread: 0.5 };
/** A platform that names a longer time is asked again after this. */
const afterMsMax = 3_600_000;
/**
 * A push that may have been sent so often is an alarm. One whose lease ended so often without a record is given up:
 * something ends its worker. That takes minutes: a lease is one minute, and the first waits are seconds.
 */
const repeatsMax = 5;

export type SendParts = {
  readonly provider: PushProvider;
  readonly sender: PushSender;
  readonly queue: PushQueue;
  readonly metrics: PushMetrics;
  readonly limits: SendLimits;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
};

/**
 * Sends what is due to one platform. A push is recorded after the platform has answered: one whose worker ends in
 * between is sent again, and counted.
 * @returns stops it: pushes on the way have this long to be answered and recorded
 */
export function startSending({ provider, sender, queue, metrics, limits, clock, random, log }: SendParts): (graceMs: number) => Promise<void> {
  const { atOnce, everyMs, timeoutMs, leaseMs } = limits;
  const recorder = openRecorder(queue, { clock, log });
  const sending = new Set<Promise<void>>();
  const ended = new AbortController();
  let pauses = 0;
  let pausedUntilMs = Number.NEGATIVE_INFINITY;

  const sendOne = async (push: Push, leasedAtMs: number) => {
    // A process that stood still has lost the lease, or will while the platform answers. The next lease sends it.
    if (clock.monotonicMs() - leasedAtMs > leaseMs - timeoutMs) return metrics.sent(provider, 'late');
    const untilMs = leasedAtMs + leaseMs;
    if (push.repeats > 0) metrics.repeated(provider);
    const isGivenUp = push.repeats - push.attempts >= repeatsMax;
    if (push.repeats >= repeatsMax) {
      metrics.looped(provider);
      log.error('A push goes round in circles: nobody knows what became of it.', { push: push.id, repeats: push.repeats, given_up: isGivenUp });
    }
    if (isGivenUp) return recorder.record({ id: push.id, became: 'dropped' }, untilMs);
    const attempt = new AbortController();
    const end = () => attempt.abort(ended.signal.reason);
    ended.signal.addEventListener('abort', end, { once: true });
    const cancel = clock.after(timeoutMs, () => attempt.abort(new Error(`The platform did not answer within ${timeoutMs} ms.`)));
    const outcome = await sender.send(push, attempt.signal).catch((error: unknown): PushOutcome => {
      log.error('A push failed by a defect.', { error });
      return { kind: 'later', afterMs: undefined, all: false, mayBeSent: true, reason: 'defect' };
    });
    cancel();
    ended.signal.removeEventListener('abort', end);
    if (ended.signal.aborted && outcome.kind === 'later') return metrics.sent(provider, 'unknown'); // its lease ends
    account(push, outcome);
    await recorder.record(resultOf(push, outcome), untilMs);
  };
  const account = (push: Push, outcome: PushOutcome) => {
    metrics.sent(provider, outcome.kind);
    if (outcome.kind === 'refused') log.error('A platform refuses a push.', { provider, reason: outcome.reason, kind: push.content.kind });
    if (outcome.kind !== 'later' || !outcome.all) {
      if (outcome.kind === 'sent') pauses = 0;
      return;
    }
    const nowMs = clock.monotonicMs();
    if (nowMs < pausedUntilMs) return; // of the same failure
    pauses++;
    const waitMs = Math.min(outcome.afterMs ?? 0, afterMsMax) || backoffMs(pauseBackoff, pauses, random);
    pausedUntilMs = nowMs + waitMs;
    log.warn('A platform takes no pushes.', { provider, reason: outcome.reason, again_ms: Math.round(waitMs) });
  };
  const resultOf = ({ id, sessionId, token, nowMs, attempts }: Push, outcome: PushOutcome): PushResult => {
    switch (outcome.kind) {
      case 'sent':
        return { id, became: 'sent' };
      case 'refused':
        return { id, became: 'dropped' };
      case 'dead':
        return { id, became: 'dead', sessionId, token: token.token, deadAtMs: outcome.atMs ?? nowMs };
      case 'later': {
        const { all, mayBeSent } = outcome;
        const waitMs = backoffMs(backoff, attempts + 1, random);
        return { id, became: 'delayed', afterMs: Math.max(Math.min(outcome.afterMs ?? 0, afterMsMax), waitMs), counts: !all || mayBeSent, mayBeSent };
      }
    }
  };

  const warn = (error: unknown) => log.warn('Pushes cannot be read.', { error });
  const lease: Run = async (isStopped) => {
    const pausedMs = pausedUntilMs - clock.monotonicMs();
    if (pausedMs > 0) return pausedMs;
    if (sending.size >= atOnce) await Promise.race(sending);
    if (isStopped()) return everyMs;
    const most = atOnce - sending.size;
    const leasedAtMs = clock.monotonicMs();
    const { pushes, unwanted } = await queue.lease(provider, most, leaseMs);
    if (unwanted > 0) metrics.sent(provider, 'unwanted', unwanted);
    for (const push of pushes) {
      const one: Promise<void> = sendOne(push, leasedAtMs).finally(() => sending.delete(one));
      sending.add(one);
    }
    return pushes.length + unwanted === most ? 0 : everyMs;
  };
  const stop = repeat(clock, everyMs * random(), tryAgain(everyMs, warn, lease));
  return async (graceMs) => {
    stop();
    const cancel = clock.after(graceMs, () => ended.abort(new Error('The server is stopping.')));
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const cancelLate = clock.after(graceMs + recordMs, resolve); // a database that is away is not waited for
    const all = async () => {
      while (sending.size > 0) await Promise.all(sending);
    };
    await Promise.race([all(), late]);
    cancel();
    cancelLate();
    recorder.close();
    await sender.close();
  };
}
