import { backoffMs } from '../../kit/backoff.ts';
import { type ConnectFailure, type OpenedSession, openSession, type Session, type SessionParts } from './http2-session.ts';
import { type SocketAddress, textOf } from './upstream-address.ts';

/** grpc/grpc, doc/connection-backoff.md, with shorter times, because the upstreams are near. */
const backoff = { firstMs: 100, factor: 1.6, mostMs: 5_000, least: 0.8, spread: 0.4 } as const;

/** The connection to one address of an upstream, as gRPC names it. */
export type Subchannel = {
  /** "10.1.2.3:9000" */
  readonly peer: string;
  /** The session for new calls; undefined: none yet. */
  ready(): Session | undefined;
  /** The cause of the last failed attempt, until one succeeds or no call has needed the connection for a while. */
  failure(): ConnectFailure | undefined;
  /** A call needs it: it connects, unless it already does or is backing off. */
  want(): void;
  /** Accepts no new calls; open calls continue. */
  leave(): void;
  close(): void;
};

export type SubchannelParts = SessionParts & {
  /** From 0 to 1. */
  readonly random: () => number;
  /** It became ready, or failed. */
  readonly changed: () => void;
};

/**
 * Maintains the connection to one address: it connects when a call needs it, backs off after a failure, and reconnects
 * by itself while there are calls.
 */
export function openSubchannel(address: SocketAddress, { random, changed, ...parts }: SubchannelParts): Subchannel {
  // States: idle, connecting, ready, aside (failed, backing off), closed.
  let state: 'idle' | 'connecting' | 'ready' | 'aside' | 'closed' = 'idle';
  let session: Session | undefined;
  let failure: ConnectFailure | undefined;
  let failures = 0;
  let wanted = false;
  let cancelTimer = () => {};
  const opened = new Set<OpenedSession>();

  const connect = () => {
    state = 'connecting';
    wanted = false;
    const made = openSession(address, parts, {
      ready: (ready) => {
        if (state === 'closed') return;
        state = 'ready';
        session = ready;
        failure = undefined;
        failures = 0;
        changed();
      },
      left: (leaving) => {
        if (leaving !== session) return;
        session = undefined;
        if (state === 'ready') state = 'idle';
        changed();
      },
      failed: (why) => {
        if (state === 'closed') return;
        setAside(why);
        changed();
      },
      over: () => opened.delete(made),
    });
    opened.add(made);
  };
  const setAside = (why: ConnectFailure) => {
    state = 'aside';
    failure = why;
    failures += 1;
    const waitMs = backoffMs(backoff, failures, random);
    cancelTimer = parts.clock.after(waitMs, () => {
      if (wanted) return connect();
      state = 'idle'; // without calls meanwhile, the next call starts a new attempt and waits for it
      failure = undefined;
    });
  };
  const stop = () => {
    state = 'closed';
    session = undefined;
    cancelTimer();
  };
  return {
    peer: textOf(address),
    ready: () => (session !== undefined && !session.http2.closed && !session.http2.destroyed ? session : undefined),
    failure: () => failure,
    want: () => {
      wanted = true;
      if (state === 'idle') connect();
    },
    leave: () => {
      stop();
      for (const one of opened) one.leave();
    },
    close: () => {
      stop();
      for (const one of opened) one.destroy();
    },
  };
}
