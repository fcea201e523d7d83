import type { Acknowledge, Goodbye, Heartbeat, Renew } from '../../gen/portico/v1/stream.ts';

/**
 * Where a stream of a client stands. docs/mobile/connection.md has the table.
 *
 * - `stopped`: the app wants no stream.
 * - `offline`: the device has no network.
 * - `waiting`: until the next attempt.
 * - `renewing`: the session is asked for a new access token, without which no stream would be accepted.
 * - `connecting`: a stream is opened, and hello is sent.
 * - `syncing`: the server has answered, but not yet all of hello.
 * - `live`: all is answered, and up to date.
 * - `refused`: the server asked not to come back, or the session has ended. Only `start` leads on.
 */
export type Phase = 'stopped' | 'offline' | 'waiting' | 'renewing' | 'connecting' | 'syncing' | 'live' | 'refused';

/** What every stream of a client keeps, whatever it carries. */
export type Connection = {
  readonly phase: Phase;
  /** Attempts in a row that did not reach `live`. */
  readonly failures: number;
  /** Streams in a row that were given up in the middle, for silence, while the network stayed the same. */
  readonly silences: number;
  /** Whether the token was renewed since all was live: a second refusal then is no question of age. */
  readonly renewed: boolean;
  /** Whether the next attempt needs a new token first. */
  readonly tokenRefused: boolean;
  /**
   * When streams were left before their welcome, the last ones: the server may still receive their hellos. Undefined:
   * this process has opened none yet. Milliseconds.
   */
  readonly unansweredAtMs: readonly number[] | undefined;
  /** The interval that the app wishes; 0: the server's. Milliseconds. */
  readonly wishedMs: number;
  // of the present stream:
  readonly heartbeatMs: number;
  readonly acknowledgeEvery: number;
  /** Events and snapshots that were handled, and those of them that the server knows of. */
  readonly handled: number;
  readonly acknowledged: number;
  /** The server's clock minus ours. Milliseconds. */
  readonly aheadMs: number;
};

/** What failed before counts no longer. */
export const noFailures = { failures: 0, silences: 0 } as const;

export const initialConnection: Connection = {
  phase: 'stopped',
  ...noFailures,
  renewed: false,
  tokenRefused: false,
  unansweredAtMs: undefined,
  wishedMs: 0,
  heartbeatMs: 0,
  acknowledgeEvery: 1,
  handled: 0,
  acknowledged: 0,
  aheadMs: 0,
};

/**
 * Timers that every stream has: `retry` opens the next stream; `heartbeat` sends a sign of life; `silence` gives a
 * silent stream up; `renew` renews the token; `move` leaves a server that stops; `acknowledge` sends the count of a
 * quiet stream.
 */
export const connectionTimers = ['retry', 'heartbeat', 'silence', 'renew', 'move', 'acknowledge'] as const;
export type ConnectionTimer = (typeof connectionTimers)[number];

/** What an app, or its operating system, does to any stream. */
export type ConnectionWish =
  /** The app wants the stream, or does not want it any more. What it wants of the stream stays. */
  | { readonly type: 'start' }
  | { readonly type: 'stop' }
  /** The interval of heartbeats that suits the app now, such as a long one in the background. */
  | { readonly type: 'pace'; readonly intervalMs: number }
  /** The operating system has no network any more; has one again, or another one. */
  | { readonly type: 'networkLost' }
  | { readonly type: 'networkFound' };

/** What is reported of the present stream, and of the session. */
export type Report =
  /** The stream has ended without `closed`. @property code of gRPC, such as "UNAVAILABLE"; empty: without an error */
  | { readonly type: 'ended'; readonly code: string; readonly reason?: string; readonly retryAfterMs?: number }
  /** Answers to `renewToken`: a new token; the session is over; no answer for now. */
  | { readonly type: 'tokenRenewed'; readonly accessToken: string }
  | { readonly type: 'sessionEnded'; readonly reason: string }
  | { readonly type: 'tokenFailed' };

export type ConnectionEvent = ConnectionWish | Report | { readonly type: 'timer'; readonly name: ConnectionTimer };

/** Messages of a client that every stream has. */
export type ConnectionRequest =
  | { readonly $case: 'acknowledge'; readonly value: Acknowledge }
  | { readonly $case: 'renew'; readonly value: Renew }
  | { readonly $case: 'heartbeat'; readonly value: Heartbeat }
  | { readonly $case: 'goodbye'; readonly value: Goodbye };

/** What an app is notified of, of any stream. */
export type ConnectionNotice =
  | { readonly kind: 'phase'; readonly phase: Phase }
  /** What the client had as positions was dropped: load everything anew. */
  | { readonly kind: 'startOver' }
  | { readonly kind: 'refused'; readonly reason: string };

/** What a stream does. */
export type StreamAction<Hello, Request, Notice, Timer extends string> =
  /** Opens a stream on a connection of its own. */
  | { readonly do: 'open'; readonly hello: Hello }
  | { readonly do: 'send'; readonly message: Request }
  /** Ends the present stream: nothing that it still brings counts. */
  | { readonly do: 'close' }
  /** Begins a timer, or begins it anew. */
  | { readonly do: 'setTimer'; readonly name: Timer; readonly ms: number }
  /** Ends all timers. */
  | { readonly do: 'clearTimers' }
  | { readonly do: 'renewToken' }
  | { readonly do: 'notify'; readonly notice: Notice };

/** The same, before hello is known: it is made of the state that the whole step leads to. */
export type ConnectionAction =
  | { readonly do: 'open' }
  | Exclude<StreamAction<never, ConnectionRequest, ConnectionNotice, ConnectionTimer>, { readonly do: 'open' }>;

/** The state that follows, and what is to be done in this order; `open` still lacks its hello. */
export type Draft<State, Action = never> = { readonly state: State; readonly actions: readonly (ConnectionAction | Action)[] };

/**
 * What a step takes from outside: a time in milliseconds that never goes back, and goes on while the device sleeps; and
 * a random number from 0 up to 1.
 */
export type Chance = { readonly nowMs: number; readonly random: number };
