import type { Connection } from './connection.ts';

/** A hello that was left may come so late: TCP sends lost bytes again ever more slowly (RFC 6298). Milliseconds. */
const lateHelloMs = 60_000;
/** So many hellos are expected late at most: in that time three streams are given up for silence, and one is open. */
const lateHellosMax = 4;

/** The first stream of a process: an earlier process may have been killed before the welcome of its last ones. */
export function ofEarlierProcess<S extends Connection>(state: S, nowMs: number): S {
  return state.unansweredAtMs === undefined ? { ...state, unansweredAtMs: Array<number>(lateHellosMax).fill(nowMs) } : state;
}

/** A stream is left before its welcome. */
export function withLateHello<S extends Connection>(state: S, nowMs: number): S {
  return { ...state, unansweredAtMs: [...(state.unansweredAtMs ?? []), nowMs].slice(-lateHellosMax) };
}

/**
 * A newer stream has displaced this one: perhaps one that this client has left, whose hello came after the next one.
 * Each that was left may do so once. Two apps of a device would otherwise displace each other without end.
 * @returns what is expected from now on; undefined: it is another app of the device
 */
export function displacedByOwn<S extends Connection>(state: S, nowMs: number): S | undefined {
  const late = (state.unansweredAtMs ?? []).filter((atMs) => nowMs - atMs < lateHelloMs);
  return late.length === 0 ? undefined : { ...state, unansweredAtMs: late.slice(1) };
}
