import { constants, type ServerHttp2Session } from 'node:http2';
import type { Clock } from '../kit/clock.ts';
import type { Peer } from '../ports/call.ts';
import type { FrontTimers } from './front-options.ts';

/** One HTTP/2 connection. */
export type Session = {
  readonly session: ServerHttp2Session;
  readonly peer: Peer;
  /** The number of open streams. */
  streams: number;
  /** Calls whose handlers have not ended: a client may reset its streams faster than they end. */
  running: number;
  /** How long it has been without streams at the last check. */
  idleForMs: number;
};

type Kept = Session & { readonly endsAtMs: number; pingAtMs: number; leavingSinceMs: number | undefined };

/** HTTP/2 connections with their timers. */
export type Sessions = {
  add(session: ServerHttp2Session, peer: Peer): void;
  get(session: ServerHttp2Session | undefined): Session | undefined;
  all(): Iterable<ServerHttp2Session>;
  close(): void;
};

/** Times for clients: docs/reference/protocols.md. Balancers of AWS silently cut idle connections after 350 s. */
const pingMs = 60_000;
const pongMs = 20_000;
const ageMs = 1_800_000;
const ageGraceMs = 60_000;
/** The time for a client to receive "no new streams" before the last stream id is final. */
const goawayMs = 1_000;
/** Ages differ by up to a tenth, so that the clients of a restarted replica do not all reconnect at once (gRFC A9). */
const ageSpread = 0.1;
const lookMs = 5_000;

/**
 * Limits the life of connections: one without calls ends after `idleMs`, whatever other frames it carries; one that
 * does not answer a ping is lost; an old one is replaced, so that clients spread over new replicas. One timer for all,
 * which runs while there are connections.
 */
export function openSessions({ idleMs }: FrontTimers, clock: Clock): Sessions {
  const kept = new Map<ServerHttp2Session, Kept>();
  const everyMs = Math.max(20, Math.min(lookMs, idleMs / 4));
  let cancel: (() => void) | undefined;
  let lookedMs = 0;
  /** The time in which clients could call, without pauses of the whole machine. */
  let nowMs = 0;
  const look = () => {
    cancel = undefined;
    const passedMs = Math.min(clock.monotonicMs() - lookedMs, 2 * everyMs);
    lookedMs = clock.monotonicMs();
    nowMs += passedMs;
    for (const one of kept.values()) {
      one.idleForMs = one.streams === 0 ? one.idleForMs + passedMs : 0;
      check(one);
    }
    if (kept.size > 0) cancel = clock.after(everyMs, look);
  };
  const check = (one: Kept) => {
    const { session } = one;
    // Its "close" comes only when the client closes its socket; until then goaway and ping would throw.
    if (session.destroyed) return;
    if (one.leavingSinceMs !== undefined) {
      if (nowMs - one.leavingSinceMs > ageGraceMs) session.destroy();
      else if (nowMs - one.leavingSinceMs > goawayMs && !session.closed) session.close();
      return;
    }
    if (one.idleForMs >= idleMs || nowMs >= one.endsAtMs) {
      one.leavingSinceMs = nowMs;
      session.goaway(constants.NGHTTP2_NO_ERROR, 2 ** 31 - 1); // two steps (RFC 9113, section 6.8): streams sent meanwhile are accepted
    } else if (nowMs >= one.pingAtMs) ping(one);
  };
  const ping = (one: Kept) => {
    one.pingAtMs = nowMs + pingMs;
    const lost = clock.after(pongMs, () => one.session.destroy());
    if (!one.session.ping(lost)) lost(); // the number of pending pings is at Node's limit
    one.session.once('close', lost);
  };
  return {
    add: (session, peer) => {
      const spread = ((kept.size * 0.618) % 1) * ageSpread;
      const endsAtMs = nowMs + ageMs * (1 + spread);
      kept.set(session, { session, peer, streams: 0, running: 0, idleForMs: 0, endsAtMs, pingAtMs: nowMs + pingMs, leavingSinceMs: undefined });
      session.once('close', () => kept.delete(session));
      if (cancel !== undefined) return;
      lookedMs = clock.monotonicMs();
      cancel = clock.after(everyMs, look);
    },
    get: (session) => session && kept.get(session),
    all: () => kept.keys(),
    close: () => cancel?.(),
  };
}
