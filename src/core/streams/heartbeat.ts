import type { Clock } from '../kit/clock.ts';

/** A client may stretch its heartbeat up to this, and no balancer cuts it shorter than that. Milliseconds. */
export const heartbeatRangeMs = { least: 5_000, most: 600_000 } as const;
/** A client that sends nothing for two intervals and this long is lost: a radio takes seconds to wake. Milliseconds. */
export const graceMs = 10_000;

export type HeartbeatParts = {
  readonly clock: Clock;
  /** The client's wish, in milliseconds; 0: none. */
  readonly wishedMs: number;
  readonly usualMs: number;
  /** How long a client may take nothing that waits for it. Milliseconds. */
  readonly stalledMs: number;
  /** When a message was last sent, on the monotonic clock; for how long the client has taken nothing of what waits. */
  readonly out: { readonly sentAtMs: number; readonly stalledForMs: number | undefined };
  readonly send: (everyMs: number) => void;
  /** The client has sent nothing for too long. */
  readonly onLost: () => void;
  /** It has taken nothing for too long. */
  readonly onStalled: () => void;
};

export type Heartbeat = {
  readonly everyMs: number;
  begin(): void;
  /** The client has sent something. */
  received(): void;
  /** The client asks for another interval. */
  ask(wishedMs: number): void;
  end(): void;
};

/** Sends a heartbeat when nothing else was sent for an interval, and finds clients that are lost or stalled. */
export function openHeartbeat({ clock, wishedMs, usualMs, stalledMs, out, send, onLost, onStalled }: HeartbeatParts): Heartbeat {
  let everyMs = intervalOf(wishedMs, usualMs);
  let receivedAtMs = clock.monotonicMs();
  let cancel = () => {};
  let ended = false;
  const look = () => {
    const nowMs = clock.monotonicMs();
    const forMs = out.stalledForMs;
    if (nowMs - receivedAtMs >= 2 * everyMs + graceMs) return onLost();
    if (forMs !== undefined && forMs >= stalledMs) return onStalled();
    // A heartbeat would only wait behind what waits already.
    if (forMs === undefined && nowMs - out.sentAtMs >= everyMs) send(everyMs);
    // What was sent may have been too much, and ended the stream.
    if (ended) return;
    const actAtMs = forMs === undefined ? out.sentAtMs + everyMs : nowMs + stalledMs - forMs;
    const nextMs = Math.min(actAtMs, receivedAtMs + 2 * everyMs + graceMs, nowMs + stalledMs);
    cancel = clock.after(Math.max(1, Math.ceil(nextMs - nowMs)), look);
  };
  return {
    get everyMs() {
      return everyMs;
    },
    begin: look,
    received: () => {
      receivedAtMs = clock.monotonicMs();
    },
    ask: (askedMs) => {
      if (askedMs === 0) return;
      everyMs = intervalOf(askedMs, usualMs);
      cancel();
      look();
      if (!ended) send(everyMs);
    },
    end: () => {
      ended = true;
      cancel();
    },
  };
}

function intervalOf(wishedMs: number, usualMs: number): number {
  return wishedMs === 0 ? usualMs : Math.min(heartbeatRangeMs.most, Math.max(heartbeatRangeMs.least, wishedMs));
}
