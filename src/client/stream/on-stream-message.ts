import { Advice, type StreamClosed, type StreamResponse, type Welcome } from '../../gen/portico/v1/stream.ts';
import type { Chance, Connection, ConnectionAction, Draft } from './connection.ts';
import { displacedByOwn } from './late-hellos.ts';
import { refused, renewFirst, same, timer, wait } from './transitions.ts';

/** How long before its end a token is renewed; half of what is left if that is less. Milliseconds. */
const renewBeforeMs = 60_000;
/** A message of 4 MiB takes so long on a network of 56 kbit/s. Milliseconds. */
const silenceMostMs = 600_000;

export type StreamMessage = NonNullable<StreamResponse['message']>;

/** What a message changes that every stream has: undefined if it is another one, or comes before the welcome. */
export function onStreamMessage<S extends Connection>(
  state: S,
  message: { readonly $case: string } | undefined,
  chance: Chance,
): Draft<S> | undefined {
  const given = message as StreamMessage | undefined; // others are left to the default
  if (given?.$case === 'closed') return closed(state, given.value, chance);
  if (given?.$case === 'welcome') return welcome(state, given.value, chance);
  if (state.phase === 'connecting') return same(state); // the first message is a welcome
  switch (given?.$case) {
    case 'heartbeat':
      return same(given.value.intervalMs > 0 ? { ...state, heartbeatMs: given.value.intervalMs } : state);
    case 'renewed': // a refused token leaves the old one valid: the end of the stream says what to do
      return { state, actions: given.value.reason === '' ? renewTimer(state, given.value.endsAt, chance) : [] };
    case 'goingAway':
      return { state, actions: [timer('move', given.value.delayMs)] };
    default:
      return undefined;
  }
}

/** Any message is a sign of life. */
export function alive<S extends Connection, A>({ state, actions }: Draft<S, A>): Draft<S, A> {
  const isLive = state.phase === 'syncing' || state.phase === 'live';
  return { state, actions: isLive ? [...actions, timer('silence', silenceMs(state))] : actions };
}

/**
 * How long a stream may be silent: twice as long after each one that was given up for that. Heartbeats wait behind a
 * large message, and on a slow network that could otherwise never come whole.
 */
function silenceMs({ heartbeatMs, silences }: Connection): number {
  const first = 2 * heartbeatMs + 10_000;
  return Math.max(first, Math.min(first * 2 ** silences, silenceMostMs));
}

function welcome<S extends Connection>(state: S, { heartbeatMs, acknowledgeEvery, serverTime, endsAt }: Welcome, chance: Chance): Draft<S> {
  const next = {
    ...state,
    phase: state.phase === 'connecting' ? ('syncing' as const) : state.phase,
    heartbeatMs,
    acknowledgeEvery: Math.max(1, acknowledgeEvery),
    aheadMs: (serverTime?.getTime() ?? chance.nowMs) - chance.nowMs,
  };
  return { state: next, actions: [...renewTimer(next, endsAt, chance), timer('heartbeat', heartbeatMs)] };
}

function renewTimer({ aheadMs }: Connection, endsAt: Date | undefined, { nowMs }: Chance): readonly ConnectionAction[] {
  if (endsAt === undefined) return [];
  const leftMs = endsAt.getTime() - (nowMs + aheadMs);
  return [timer('renew', Math.max(1_000, Math.floor(leftMs - Math.min(renewBeforeMs, leftMs / 2))))];
}

function closed<S extends Connection>(state: S, { reason, advice, delayMs }: StreamClosed, chance: Chance): Draft<S> {
  switch (advice) {
    case Advice.ADVICE_RENEW_TOKEN:
      return renewFirst(state, reason);
    case Advice.ADVICE_START_OVER: {
      const { state: next, actions } = wait(state, delayMs, chance);
      return { state: next, actions: [{ do: 'notify', notice: { kind: 'startOver' } }, ...actions] };
    }
    case Advice.ADVICE_STAY_AWAY: {
      const own = reason === 'STREAM_DISPLACED' ? displacedByOwn(state, chance.nowMs) : undefined;
      return own === undefined ? refused(state, reason) : wait(own, delayMs, chance);
    }
    default: // a later advice than this client knows means: resume
      return wait(state, delayMs, chance);
  }
}

/** Whether the positions that the client has are of no use any more. */
export function startsOver({ actions }: Draft<unknown, { readonly do: string }>): boolean {
  return actions.some((action) => action.do === 'notify' && (action as { readonly notice: { readonly kind: string } }).notice.kind === 'startOver');
}
