import type { Clock } from '../../core/kit/clock.ts';
import type { Session } from '../session.ts';
import { runStream } from '../stream/run-stream.ts';
import type { ClientTransport, Headers } from '../transport.ts';
import { initialState, type LiveState, type LiveWish, type Notice } from './state.ts';
import { step } from './step.ts';

/** The stream of live updates, for as long as the app runs. */
export type Live = {
  /** What an app wants, and what the operating system reports: start, subscribe, watch, networkLost, … */
  dispatch(event: LiveWish): void;
  readonly state: LiveState;
  /** Says goodbye. */
  close(): void;
};

type LiveParts = {
  readonly transport: Pick<ClientTransport, 'live'>;
  readonly session: Session;
  readonly clock: Clock;
  readonly random: () => number;
  readonly headers: Headers;
  /** Called in order. What it throws ends the process's turn, not the stream: handle errors inside. */
  readonly onNotice: (notice: Notice) => void;
};

export function openLive({ transport, ...parts }: LiveParts): Live {
  const running = runStream({ ...parts, initial: initialState, step, open: transport.live, work: () => {} });
  return {
    dispatch: running.dispatch,
    get state() {
      return running.state;
    },
    close: () => running.dispatch({ type: 'stop' }),
  };
}
