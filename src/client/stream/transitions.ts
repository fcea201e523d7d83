import { type Chance, type Connection, type ConnectionAction, type ConnectionRequest, type Draft, noFailures } from './connection.ts';
import { askedMs, waitMs } from './retry-waits.ts';

/** The time for a connection and the first answer. Milliseconds: gRPC's connection-backoff.md (MIN_CONNECT_TIMEOUT). */
const connectMs = 20_000;
/** After this time without a message the stream acknowledges what it has handled. Milliseconds. */
const acknowledgeAfterMs = 1_000;

/** Whether there is a stream. */
export function isOpen({ phase }: Connection): boolean {
  return phase === 'connecting' || phase === 'syncing' || phase === 'live';
}

export const timer = <Name extends string>(name: Name, ms: number) => ({ do: 'setTimer', name, ms }) as const;
export const same = <S>(state: S): Draft<S> => ({ state, actions: [] });

export function sendIfOpen<Request = ConnectionRequest>(
  state: Connection,
  message: Request,
): readonly { readonly do: 'send'; readonly message: Request }[] {
  return isOpen(state) ? [{ do: 'send', message }] : [];
}

/** Opens a stream: its first message has all that the client wants. */
export function open<S extends Connection>(state: S): Draft<S> {
  const next = { ...state, phase: 'connecting' as const, heartbeatMs: 0, handled: 0, acknowledged: 0 };
  return { state: next, actions: [{ do: 'clearTimers' }, { do: 'open' }, timer('silence', connectMs)] };
}

/** Gives the stream up, without a word. */
export function close<S>(state: S, hasStream: boolean): Draft<S> {
  return { state, actions: [{ do: 'clearTimers' }, ...(hasStream ? [{ do: 'close' } as const] : [])] };
}

/** Says goodbye first: otherwise the server would wait for a client that comes back. */
export function leave<S>(state: S, hasStream: boolean): Draft<S> {
  const { actions } = close(state, hasStream);
  return { state, actions: hasStream ? [{ do: 'send', message: { $case: 'goodbye', value: {} } }, ...actions] : actions };
}

/** Waits for the next attempt after one more failure. */
export function wait<S extends Connection>(state: S, delayMs: number, { random }: Chance): Draft<S> {
  const next = { ...state, phase: 'waiting' as const, failures: state.failures + 1 };
  const { actions } = close(next, isOpen(state));
  return { state: next, actions: [...actions, timer('retry', Math.max(askedMs(delayMs, random), waitMs(next.failures, random)))] };
}

/** Asks for a new token; a second refusal, of a new token, means that the session is over. */
export function renewFirst<S extends Connection>(state: S, reason: string): Draft<S> {
  if (state.renewed) return refused(state, reason);
  const next = { ...state, phase: 'renewing' as const, failures: state.failures + 1 };
  const { actions } = close(next, isOpen(state));
  return { state: next, actions: [...actions, { do: 'renewToken' }] };
}

export function refused<S extends Connection>(state: S, reason: string): Draft<S> {
  const { actions } = close(state, isOpen(state));
  return { state: { ...state, phase: 'refused' as const }, actions: [...actions, { do: 'notify', notice: { kind: 'refused', reason } }] };
}

/** Everything that was asked for has been answered: what failed before counts no longer. */
export function upToDate<S extends Connection>(state: S): S {
  return state.phase === 'syncing' ? { ...state, phase: 'live' as const, ...noFailures, renewed: false } : state;
}

/** The token was refused before: a new one comes first. */
export function renew<S extends Connection>(state: S): Draft<S> {
  return { state: { ...state, phase: 'renewing' as const }, actions: [{ do: 'clearTimers' }, { do: 'renewToken' }] };
}

export function acknowledgement({ handled }: Connection): ConnectionAction {
  return { do: 'send', message: { $case: 'acknowledge', value: { count: BigInt(handled) } } };
}

/**
 * Counts what was handled: the count is sent after `acknowledgeEvery`, or when the stream is quiet.
 * @param afterMs when that is
 */
export function counted<S extends Connection>(state: S, count: number, afterMs = acknowledgeAfterMs): Draft<S> {
  const next = { ...state, handled: state.handled + count };
  const waiting = next.handled - next.acknowledged;
  if (waiting >= next.acknowledgeEvery) return { state: { ...next, acknowledged: next.handled }, actions: [acknowledgement(next)] };
  const first = state.handled === state.acknowledged && count > 0;
  return { state: next, actions: first ? [timer('acknowledge', afterMs)] : [] };
}

/** One draft after another. */
export function then<S, A>(draft: Draft<S, A>, next: (state: S) => Draft<S, A>): Draft<S, A> {
  const { state, actions } = next(draft.state);
  return { state, actions: [...draft.actions, ...actions] };
}
