import type { Clock } from '../../kit/clock.ts';
import type { UpstreamTarget, UpstreamTransport } from '../../ports/upstream-transport.ts';
import { type Lookup, systemLookup } from './dns-polling.ts';
import { type CallParts, Http2Call } from './http2-call.ts';
import type { ConnectFailure, Session } from './http2-session.ts';
import { baseHeaders, requestHeaders } from './request-headers.ts';
import { openBalancer } from './resolved-addresses.ts';
import { transparentRetryMs } from './transparent-retry.ts';
import { madeHere } from './why-stream-ended.ts';

export type Http2TransportParts = {
  readonly clock: Clock;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly look?: Lookup;
};

/**
 * Calls to one upstream over connections of node:http2.
 * @throws Error when its address is invalid
 */
export function openHttp2Transport(target: UpstreamTarget, { clock, random, look = systemLookup }: Http2TransportParts): UpstreamTransport {
  const balancer = openBalancer(target, { clock, random, look });
  const base = baseHeaders(balancer.authority, target.tls !== undefined);
  const open = new Map<Http2Call, () => void>();
  let closed = false;

  const parts: CallParts = {
    open: ({ http2 }, call) => {
      const leftMs = call.deadlineAtMs === undefined ? undefined : Math.max(1, Math.ceil(call.deadlineAtMs - clock.nowMs()));
      return http2.request(requestHeaders(call, base, leftMs), { endStream: false });
    },
    again: (call) => {
      const delayMs = closed ? undefined : transparentRetryMs(call.attempts);
      if (delayMs === undefined) return false;
      clock.after(delayMs, () => open.has(call) && connect(call));
      return true;
    },
    over: (call) => {
      open.get(call)?.();
      open.delete(call);
    },
  };
  const connect = (call: Http2Call) => {
    const cancelTimer = open.get(call) ?? noop;
    let waiting = true;
    const takeBack = balancer.pick((picked) => {
      waiting = false;
      open.set(call, cancelTimer);
      if (isSession(picked)) call.attach(picked);
      else queueMicrotask(() => call.finish(madeHere(picked.cause, picked.detail, 'no'))); // the caller does not have the sender yet
    });
    if (!waiting || !open.has(call)) return;
    open.set(call, () => {
      takeBack();
      cancelTimer();
    });
  };
  return {
    call: (call, receiver, only) => {
      const made = new Http2Call(call, receiver, only, parts);
      const leftMs = call.deadlineAtMs === undefined ? undefined : call.deadlineAtMs - clock.nowMs();
      open.set(made, leftMs === undefined ? noop : clock.after(leftMs, () => made.late()));
      if (closed) queueMicrotask(() => made.finish(madeHere('cancelled', 'The transport is closed.', 'no')));
      else connect(made);
      return made;
    },
    close: () => {
      closed = true;
      for (const call of open.keys()) call.finish(madeHere('cancelled', 'The transport was closed.'));
      balancer.close();
    },
  };
}

function noop(): void {}

function isSession(picked: Session | ConnectFailure): picked is Session {
  return 'http2' in picked;
}
