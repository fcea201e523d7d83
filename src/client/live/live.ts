import type { Clock } from '../../core/kit/clock.ts';
import { asCallError } from '../call-error.ts';
import type { Session } from '../session.ts';
import type { ClientTransport, Headers, LiveStream } from '../transport.ts';
import { type Action, initialState, type LiveEvent, type LiveState, type Notice } from './state.ts';
import { step } from './step.ts';

/** The stream of live updates, for as long as the app runs. */
export type Live = {
  /** What an app wants, and what the operating system reports: start, subscribe, watch, networkLost, … */
  dispatch(event: Exclude<LiveEvent, { readonly type: 'message' | 'ended' | 'timer' | 'tokenRenewed' | 'sessionEnded' | 'tokenFailed' }>): void;
  readonly state: LiveState;
  /** Says goodbye. */
  close(): void;
};

type LiveParts = {
  readonly transport: ClientTransport;
  readonly session: Session;
  readonly clock: Clock;
  readonly random: () => number;
  readonly headers: Headers;
  /** Called in order. What it throws ends the process's turn, not the stream: handle errors inside. */
  readonly onNotice: (notice: Notice) => void;
};

/** Gives the machine of step.ts its timers, its streams and its tokens. */
export function openLive({ transport, session, clock, random, headers, onNotice }: LiveParts): Live {
  let state = initialState;
  let stream: LiveStream | undefined;
  /** Raised with each stream: what an older one brings counts no more. */
  let current = 0;
  let token = '';
  const timers = new Map<string, () => void>();
  const events: LiveEvent[] = [];
  let busy = false;

  const dispatch = (event: LiveEvent) => {
    events.push(event);
    if (busy) return; // by a notice: after the actions of this step
    busy = true;
    try {
      for (let next = events.shift(); next !== undefined; next = events.shift()) {
        const { state: after, actions } = step(state, next, { nowMs: clock.monotonicMs(), random: random() });
        state = after;
        for (const action of actions) act(action);
      }
    } finally {
      busy = false;
    }
  };
  const act = (action: Action) => {
    switch (action.do) {
      case 'open':
        return void open(action.hello);
      case 'send':
        if (stream === undefined) unsent.push(action.message);
        else stream.send(action.message);
        return;
      case 'close':
        current++;
        unsent.length = 0;
        stream?.close();
        stream = undefined;
        return;
      case 'setTimer':
        timers.get(action.name)?.();
        timers.set(
          action.name,
          clock.after(action.ms, () => {
            timers.delete(action.name);
            dispatch({ type: 'timer', name: action.name });
          }),
        );
        return;
      case 'clearTimers':
        for (const cancel of timers.values()) cancel();
        timers.clear();
        return;
      case 'renewToken':
        return void renew();
      case 'notify':
        try {
          return onNotice(action.notice);
        } catch (error) {
          queueMicrotask(() => {
            throw error;
          });
          return;
        }
    }
  };
  /** What is sent while the token of the stream is fetched. */
  const unsent: Extract<Action, { do: 'send' }>['message'][] = [];

  const open = async (hello: Extract<Action, { do: 'open' }>['hello']) => {
    const mine = ++current;
    try {
      token = await session.accessToken();
    } catch (error) {
      if (mine === current) sessionFailed(error, () => dispatch({ type: 'ended', code: 'UNAVAILABLE' }));
      return;
    }
    if (mine !== current) return;
    stream = transport.live(
      hello,
      { ...headers, authorization: `Bearer ${token}` },
      {
        onMessage: (message) => {
          if (mine === current) dispatch({ type: 'message', message });
        },
        onEnd: (error) => {
          if (mine !== current) return;
          stream = undefined;
          dispatch({
            type: 'ended',
            code: error?.code ?? '',
            ...(error !== undefined && error.reason !== '' && { reason: error.reason }),
            ...(error?.retryAfterMs !== undefined && { retryAfterMs: error.retryAfterMs }),
          });
        },
      },
    );
    for (const message of unsent.splice(0)) stream?.send(message);
  };
  const renew = async () => {
    try {
      token = await session.renew(token);
      dispatch({ type: 'tokenRenewed', accessToken: token });
    } catch (error) {
      sessionFailed(error, () => dispatch({ type: 'tokenFailed' }));
    }
  };
  const sessionFailed = (error: unknown, otherwise: () => void) => {
    const { code, reason } = asCallError(error);
    if (code === 'UNAUTHENTICATED' || code === 'PERMISSION_DENIED') dispatch({ type: 'sessionEnded', reason: reason || code });
    else otherwise();
  };
  return {
    dispatch,
    get state() {
      return state;
    },
    close: () => dispatch({ type: 'stop' }),
  };
}
