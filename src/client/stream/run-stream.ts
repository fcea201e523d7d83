import type { Clock } from '../../core/kit/clock.ts';
import { asCallError } from '../call-error.ts';
import type { Session } from '../session.ts';
import type { ClientStream, Headers, OpenStream } from '../transport.ts';
import type { Chance, Report, StreamAction } from './connection.ts';

/** What this machinery reports to a state machine. */
export type Reported<Response, Timer> =
  | Report
  | { readonly type: 'message'; readonly message: Response }
  | { readonly type: 'timer'; readonly name: Timer };

/** A state machine, and what it is given. An app does `Wish` to it; only this kind of stream does `Work`. */
export type StreamParts<State, Wish, Work, Hello, Request, Response, Notice, Timer extends string> = {
  readonly initial: State;
  readonly step: (
    state: State,
    event: Wish | Reported<Response, Timer>,
    chance: Chance,
  ) => { readonly state: State; readonly actions: readonly (Work | StreamAction<Hello, Request, Notice, Timer>)[] };
  readonly open: OpenStream<Hello, Request, Response>;
  readonly work: (action: Work) => void;
  readonly session: Session;
  readonly clock: Clock;
  readonly random: () => number;
  readonly headers: Headers;
  /** Called in order. What it throws ends the process's turn, not the stream: handle errors inside. */
  readonly onNotice: (notice: Notice) => void;
};

export type RunningStream<State, Wish> = {
  dispatch(event: Wish): void;
  readonly state: State;
};

/** Gives a state machine its timers, its streams and its tokens. */
export function runStream<
  State,
  Wish extends { readonly type: string },
  Work extends { readonly do: string },
  Hello,
  Request,
  Response,
  Notice,
  Timer extends string,
>({
  initial,
  step,
  open: openStream,
  work,
  session,
  clock,
  random,
  headers,
  onNotice,
}: StreamParts<State, Wish, Work, Hello, Request, Response, Notice, Timer>): RunningStream<State, Wish> {
  let state = initial;
  let stream: ClientStream<Request> | undefined;
  /** Raised with each stream: what an older one brings counts no more. */
  let current = 0;
  let token = '';
  /** Raised by `forget`: a token that was asked for an earlier user counts no more, and neither does its failure. */
  let user = 0;
  const timers = new Map<string, () => void>();
  const events: (Wish | Reported<Response, Timer>)[] = [];
  let busy = false;

  const dispatch = (event: Wish | Reported<Response, Timer>) => {
    events.push(event);
    if (busy) return; // by a notice: after the actions of this step
    busy = true;
    try {
      for (let next = events.shift(); next !== undefined; next = events.shift()) {
        if (next.type === 'forget') user++;
        const { state: after, actions } = step(state, next, { nowMs: clock.monotonicMs(), random: random() });
        state = after;
        for (const action of actions) act(action);
      }
    } finally {
      busy = false;
    }
  };
  const act = (given: Work | StreamAction<Hello, Request, Notice, Timer>) => {
    const action = given as StreamAction<Hello, Request, Notice, Timer>; // all others are for `work`
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
      default:
        return work(given as Work);
    }
  };
  /** What is sent while the token of the stream is fetched. */
  const unsent: Request[] = [];

  const open = async (hello: Hello) => {
    const mine = ++current;
    try {
      token = await session.accessToken();
    } catch (error) {
      if (mine === current) sessionFailed(error, () => dispatch({ type: 'ended', code: 'UNAVAILABLE' }));
      return;
    }
    if (mine !== current) return;
    stream = openStream(
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
    const mine = user;
    try {
      const next = await session.renew(token);
      if (mine !== user) return;
      token = next;
      dispatch({ type: 'tokenRenewed', accessToken: token });
    } catch (error) {
      if (mine === user) sessionFailed(error, () => dispatch({ type: 'tokenFailed' }));
    }
  };
  const sessionFailed = (error: unknown, otherwise: () => void) => {
    const { code, reason } = asCallError(error);
    // FAILED_PRECONDITION: the app is outdated, and the same refresh would be refused again
    if (['UNAUTHENTICATED', 'PERMISSION_DENIED', 'FAILED_PRECONDITION'].includes(code)) dispatch({ type: 'sessionEnded', reason: reason || code });
    else otherwise();
  };
  return {
    dispatch,
    get state() {
      return state;
    },
  };
}
