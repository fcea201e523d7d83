import type { Clock } from '../../kit/clock.ts';
import type { Bus, Subscription } from '../../ports/bus.ts';
import type { Log } from '../../ports/log.ts';
import type { Revocations } from '../../ports/revocations.ts';

/** The events of sessions that other replicas ended. */
export type RevocationBroadcasts = {
  /** False while events may be lost: then SQL is read often. */
  isWhole(): boolean;
  /** Calls back after a possible loss of events, when they arrive again. */
  onGap(callback: () => void): void;
};

const topic = 'revocations';
/**
 * The interval and the time limit of publishing an event again. After the limit every replica has read SQL.
 * Milliseconds.
 */
const againMs = 250;
const againForMs = 15_000;
/** The largest number of events that wait to be published. Beyond it the oldest are dropped: SQL has them. */
const pendingMax = 10_000;
/** "<milliseconds> <session id>" */
const format = /^(\d{1,12}) ([!-~]{1,200})$/;

/**
 * Revocations that every replica receives at once: a revocation that is added here is published on the bus, and one
 * that is received is added to `local`. SQL is the source of truth: events that the bus loses are read there
 * (pollRevocations).
 * @param local the revocations that this replica knows, read on every call
 * @param ttlMaxMs the longest remaining lifetime of an access token
 */
export function broadcastRevocations({
  local,
  bus,
  clock,
  log,
  ttlMaxMs,
}: {
  readonly local: Revocations;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly ttlMaxMs: number;
}): Revocations & RevocationBroadcasts & { close(): void } {
  const callbacks = new Set<() => void>();
  const pending = new Map<string, { readonly message: Uint8Array; readonly untilMs: number }>();
  const gaveUp = new AbortController();
  let subscription: Subscription | undefined;
  let cancel: (() => void) | undefined;
  const gap = () => {
    for (const callback of callbacks) callback();
  };
  const publish = async (sessionId: string, message: Uint8Array) => {
    try {
      await bus.publish(topic, message);
      pending.delete(sessionId);
    } catch (error) {
      if (!pending.has(sessionId)) {
        log.debug('The end of a session could not be published to the other replicas: it is retried, and they read it from SQL.', { error });
        pending.set(sessionId, { message, untilMs: clock.nowMs() + againForMs });
        for (const oldest of pending.keys()) {
          if (pending.size <= pendingMax) break;
          pending.delete(oldest);
        }
      }
      cancel ??= clock.after(againMs, () => void again());
    }
  };
  const again = async () => {
    cancel = undefined;
    for (const [sessionId, { message, untilMs }] of pending) {
      if (clock.nowMs() >= untilMs) pending.delete(sessionId);
      else await publish(sessionId, message);
      if (cancel !== undefined) return; // still unavailable: the rest waits too
    }
  };
  const onMessage = (bytes: Uint8Array) => {
    const [, ttl, sessionId] = format.exec(Buffer.from(bytes).toString()) ?? [];
    if (ttl === undefined || sessionId === undefined) return log.warn('A message on the bus is no end of a session: who else writes there?');
    const ttlMs = Math.min(Number(ttl), ttlMaxMs);
    if (ttlMs > 0 && !local.has(sessionId)) void local.add(sessionId, ttlMs);
  };
  bus.subscribe(topic, { onMessage, onGap: gap }, gaveUp.signal).then(
    (opened) => {
      subscription = opened;
      gap(); // sessions that ended before the subscription worked
    },
    (error: unknown) => {
      if (!gaveUp.signal.aborted) log.error('The ends of sessions are not received: they are read from SQL.', { error });
    },
  );
  return {
    add: async (sessionId, ttlMs) => {
      await local.add(sessionId, ttlMs);
      await publish(sessionId, Buffer.from(`${ttlMs} ${sessionId}`));
    },
    has: local.has,
    onAdd: local.onAdd,
    isWhole: () => subscription?.isWhole() === true,
    onGap: (callback) => void callbacks.add(callback),
    close: () => {
      gaveUp.abort();
      cancel?.();
      pending.clear();
      subscription?.close();
    },
  };
}

/** An ended session is stored this much longer than its tokens live, because clocks differ. Milliseconds. */
const marginMs = 60_000;

/** How long the access tokens of a session that ends now would still be valid. */
export function livesOnMs(accessTokenTtlMs: number): number {
  return accessTokenTtlMs + marginMs;
}

/** Makes every replica refuse the access tokens of sessions that have ended, for as long as they would be valid. */
export async function revokeTokensOf(
  sessionIds: readonly string[],
  { revocations, accessTokenTtlMs }: { readonly revocations: Pick<Revocations, 'add'>; readonly accessTokenTtlMs: number },
): Promise<void> {
  await Promise.all(sessionIds.map((id) => revocations.add(id, livesOnMs(accessTokenTtlMs))));
}
