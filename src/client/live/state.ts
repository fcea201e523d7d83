import type { Event, LiveHello, LivePublish, LiveRequest, LiveResponse, Position } from '../../gen/portico/v1/live.ts';

/**
 * Where a live client stands. docs/mobile/connection.md has the table.
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

/** A subscription. */
export type Topic = {
  readonly generation: number;
  /** Of the last event that the app has. Undefined: it wants only new ones. */
  readonly position: Position | undefined;
  /** Whether the app wants to know who is there. */
  readonly presence: boolean;
  /** The users who are present; undefined: unknown. */
  readonly users: ReadonlySet<string> | undefined;
  /** Whether this stream has answered it. */
  readonly answered: boolean;
};

/** A watch. */
export type Watched = {
  readonly generation: number;
  /** "app.v1.HomeService/GetHome" */
  readonly method: string;
  readonly request: Uint8Array;
  /** Of the last whole snapshot that the app has; empty: it has none. */
  readonly etag: string;
  /** The server's name for the answer in this stream; undefined: not answered yet. */
  readonly key: bigint | undefined;
  readonly answered: boolean;
};

export type LiveState = {
  readonly phase: Phase;
  /** Attempts in a row that did not reach `live`. */
  readonly failures: number;
  /** Whether the token was renewed since all was live: a second refusal then is no question of age. */
  readonly renewed: boolean;
  /** Whether the next attempt needs a new token first. */
  readonly tokenRefused: boolean;
  readonly topics: ReadonlyMap<string, Topic>;
  readonly watches: ReadonlyMap<number, Watched>;
  /** Events of the app that the server has not answered, by request id. */
  readonly publishes: ReadonlyMap<string, LivePublish>;
  /** The interval that the app wishes; 0: the server's. Milliseconds. */
  readonly wishedMs: number;
  // of the present stream:
  readonly heartbeatMs: number;
  readonly acknowledgeEvery: number;
  /** Events and snapshots received, and those of them that the server knows of. */
  readonly handled: number;
  readonly acknowledged: number;
  /** The server's clock minus ours. Milliseconds. */
  readonly aheadMs: number;
};

export const initialState: LiveState = {
  phase: 'stopped',
  failures: 0,
  renewed: false,
  tokenRefused: false,
  topics: new Map(),
  watches: new Map(),
  publishes: new Map(),
  wishedMs: 0,
  heartbeatMs: 0,
  acknowledgeEvery: 1,
  handled: 0,
  acknowledged: 0,
  aheadMs: 0,
};

/**
 * Timers by name: `retry` opens the next stream; `heartbeat` sends a sign of life; `silence` gives a silent stream up;
 * `renew` renews the token; `move` leaves a server that stops; `acknowledge` sends the count of a quiet stream;
 * `topic NAME` and `watch ID` begin what the server has closed for a while.
 */
export type TimerName = 'retry' | 'heartbeat' | 'silence' | 'renew' | 'move' | 'acknowledge' | `topic ${string}` | `watch ${number}`;

/** What happens to a live client. */
export type LiveEvent =
  /** The app wants the stream, or does not want it any more. What is subscribed and watched stays. */
  | { readonly type: 'start' }
  | { readonly type: 'stop' }
  /** Another user, or nobody: what is wanted, received or not answered is dropped. */
  | { readonly type: 'forget' }
  /**
   * @property position of the last event that the app has stored; without one the known position is kept
   * @property presence whether the app wants to know who is there; without it as before
   */
  | { readonly type: 'subscribe'; readonly topic: string; readonly position?: Position; readonly presence?: boolean }
  | { readonly type: 'unsubscribe'; readonly topic: string }
  | { readonly type: 'watch'; readonly id: number; readonly method: string; readonly request: Uint8Array; readonly etag?: string }
  | { readonly type: 'unwatch'; readonly id: number }
  | { readonly type: 'publish'; readonly event: LivePublish }
  /** The interval of heartbeats that suits the app now, such as a long one in the background. */
  | { readonly type: 'pace'; readonly intervalMs: number }
  /** The operating system has no network any more; has one again, or another one. */
  | { readonly type: 'networkLost' }
  | { readonly type: 'networkFound' }
  /** The present stream received a message, or has ended without `closed`. */
  | { readonly type: 'message'; readonly message: LiveResponse }
  /** @property code of gRPC, such as "UNAVAILABLE"; empty: the end of the stream without an error */
  | { readonly type: 'ended'; readonly code: string; readonly reason?: string; readonly retryAfterMs?: number }
  | { readonly type: 'timer'; readonly name: TimerName }
  /** Answers to `renewToken`: a new token; the session is over; no answer for now. */
  | { readonly type: 'tokenRenewed'; readonly accessToken: string }
  | { readonly type: 'sessionEnded'; readonly reason: string }
  | { readonly type: 'tokenFailed' };

/** What the app is notified of. */
export type Notice =
  | { readonly kind: 'phase'; readonly phase: Phase }
  /** @property recovered false: events may be missing, so load what the topic is about */
  | { readonly kind: 'subscribed'; readonly topic: string; readonly recovered: boolean }
  /** @property position to store with what the event changes */
  | { readonly kind: 'event'; readonly topic: string; readonly event: Event; readonly position: Position }
  /** @property users undefined: too many to be listed */
  | { readonly kind: 'presence'; readonly topic: string; readonly count: number; readonly users: readonly string[] | undefined }
  | { readonly kind: 'current'; readonly id: number }
  | {
      readonly kind: 'snapshot';
      readonly id: number;
      readonly etag: string;
      readonly payload: Uint8Array;
      readonly partial: boolean;
      readonly stale: boolean;
    }
  /** @property comesBack whether the client begins it again by itself */
  | { readonly kind: 'topicClosed'; readonly topic: string; readonly reason: string; readonly comesBack: boolean }
  | { readonly kind: 'watchClosed'; readonly id: number; readonly reason: string; readonly comesBack: boolean }
  /** @property reason empty: published */
  | { readonly kind: 'published'; readonly requestId: string; readonly reason: string }
  /** Positions and etags were dropped: load everything anew. */
  | { readonly kind: 'startOver' }
  | { readonly kind: 'refused'; readonly reason: string };

/** What a live client does. */
export type Action =
  /** Opens a stream on a connection of its own. */
  | { readonly do: 'open'; readonly hello: LiveHello }
  | { readonly do: 'send'; readonly message: NonNullable<LiveRequest['message']> }
  /** Ends the present stream: nothing that it still brings counts. */
  | { readonly do: 'close' }
  /** Begins a timer, or begins it anew. */
  | { readonly do: 'setTimer'; readonly name: TimerName; readonly ms: number }
  /** Ends all timers. */
  | { readonly do: 'clearTimers' }
  | { readonly do: 'renewToken' }
  | { readonly do: 'notify'; readonly notice: Notice };

/** The state that follows, and what is to be done in this order. */
export type Step = { readonly state: LiveState; readonly actions: readonly Action[] };

/** What a step takes from outside: a time that never goes back, in milliseconds, and a random number from 0 up to 1. */
export type Chance = { readonly nowMs: number; readonly random: number };
