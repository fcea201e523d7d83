import {
  type Chance,
  type Connection,
  type ConnectionEvent,
  type ConnectionTimer,
  type Draft,
  noFailures,
  type Report,
  type StreamAction,
} from './connection.ts';
import { ofEarlierProcess, withLateHello } from './late-hellos.ts';
import { acknowledgement, close, isOpen, leave, open, refused, renew, renewFirst, same, sendIfOpen, timer, wait } from './transitions.ts';

/** How long a stream may answer nothing after the network has changed. Milliseconds. */
const probeMs = 5_000;

/** What happens to a stream, whatever it carries: a state machine without timers, network and chance of its own. */
export function connectionStep<S extends Connection>(state: S, event: ConnectionEvent, chance: Chance): Draft<S> {
  const draft = stepOf(state, event, chance);
  const leaves = state.phase === 'connecting' && draft.actions.some((action) => action.do === 'clearTimers');
  return leaves ? { ...draft, state: withLateHello(draft.state, chance.nowMs) } : draft;
}

function stepOf<S extends Connection>(state: S, event: ConnectionEvent, chance: Chance): Draft<S> {
  switch (event.type) {
    case 'start':
      return state.phase === 'stopped' || state.phase === 'refused'
        ? open({ ...ofEarlierProcess(state, chance.nowMs), ...noFailures, renewed: false, tokenRefused: false })
        : same(state);
    case 'stop':
      return state.phase === 'stopped' ? same(state) : leave({ ...state, phase: 'stopped' as const }, isOpen(state));
    case 'pace':
      return {
        state: { ...state, wishedMs: event.intervalMs },
        actions: event.intervalMs === 0 ? [] : sendIfOpen(state, { $case: 'heartbeat', value: { intervalMs: event.intervalMs } }),
      };
    case 'networkLost':
      return state.phase === 'stopped' || state.phase === 'refused' ? same(state) : close({ ...state, phase: 'offline' as const }, isOpen(state));
    case 'networkFound':
      return networkFound(state);
    case 'ended':
      return isOpen(state) ? ended(state, event, chance) : same(state);
    case 'timer':
      return onTimer(state, event.name, chance);
    case 'tokenRenewed': {
      if (state.phase === 'renewing') return open({ ...state, renewed: true, tokenRefused: false });
      return { state, actions: sendIfOpen(state, { $case: 'renew', value: { accessToken: event.accessToken } }) };
    }
    case 'sessionEnded':
      return state.phase === 'stopped' || state.phase === 'refused' ? same(state) : refused(state, event.reason);
    case 'tokenFailed':
      if (state.phase === 'renewing') return wait({ ...state, tokenRefused: true }, 0, chance);
      return isOpen(state) ? { state, actions: [timer('renew', 5_000 + Math.floor(chance.random * 5_000))] } : same(state);
  }
}

/** The whole step: hello of the state that it leads to, the next heartbeat, and a notice of a new phase. */
export function finished<S extends Connection, A extends { readonly do: string }, Hello>(
  before: Connection,
  { state, actions }: Draft<S, A>,
  helloOf: (state: S) => Hello,
) {
  type Shared = StreamAction<Hello, never, { readonly kind: 'phase'; readonly phase: Connection['phase'] }, 'heartbeat'>;
  const more: Shared[] = [];
  if (state.heartbeatMs > 0 && isOpen(state) && actions.some((action) => action.do === 'send')) more.push(timer('heartbeat', state.heartbeatMs));
  if (state.phase !== before.phase) more.push({ do: 'notify', notice: { kind: 'phase', phase: state.phase } });
  const whole = actions.map((action) => (action.do === 'open' ? ({ do: 'open', hello: helloOf(state) } as const) : action));
  return { state, actions: [...whole, ...more] as readonly (Exclude<(typeof whole)[number], { readonly do: 'open' }> | Shared)[] };
}

function ended<S extends Connection>(state: S, { code, reason = code, retryAfterMs }: Extract<Report, { type: 'ended' }>, chance: Chance): Draft<S> {
  switch (code) {
    case 'UNAUTHENTICATED':
      return renewFirst(state, reason);
    case 'RESOURCE_EXHAUSTED':
      return wait(state, retryAfterMs ?? 60_000, chance);
    case 'INVALID_ARGUMENT':
    case 'PERMISSION_DENIED':
    case 'FAILED_PRECONDITION':
    case 'UNIMPLEMENTED':
      return refused(state, reason);
    default:
      return wait(state, retryAfterMs ?? 0, chance);
  }
}

function networkFound<S extends Connection>(state: S): Draft<S> {
  const fresh = { ...state, ...noFailures };
  switch (state.phase) {
    case 'offline':
    case 'waiting':
      return state.tokenRefused ? renew(fresh) : open(fresh);
    case 'connecting':
    case 'syncing': {
      const { state: next, actions } = open(fresh);
      return { state: next, actions: [{ do: 'close' }, ...actions] };
    }
    case 'live': // the old way may still be good: the server answers a heartbeat at once
      return {
        state: fresh,
        actions: [{ do: 'send', message: { $case: 'heartbeat', value: { intervalMs: state.heartbeatMs } } }, timer('silence', probeMs)],
      };
    default:
      return same(state);
  }
}

function onTimer<S extends Connection>(state: S, name: ConnectionTimer, chance: Chance): Draft<S> {
  if (name === 'retry') return state.phase !== 'waiting' ? same(state) : state.tokenRefused ? renew(state) : open(state);
  if (!isOpen(state)) return same(state);
  switch (name) {
    case 'heartbeat':
      return { state, actions: [{ do: 'send', message: { $case: 'heartbeat', value: { intervalMs: 0 } } }] };
    case 'silence':
      return wait(state.phase === 'connecting' ? state : { ...state, silences: state.silences + 1 }, 0, chance);
    case 'renew':
      return { state, actions: [{ do: 'renewToken' }] };
    case 'move': {
      const { actions } = leave(state, true);
      const next = open(state);
      return { state: next.state, actions: [...actions, ...next.actions] };
    }
    case 'acknowledge':
      return { state: { ...state, acknowledged: state.handled }, actions: [acknowledgement(state)] };
  }
}
