import type { Event, LiveHello, LivePublish, LiveRequest, LiveResponse, Position } from '../../gen/portico/v1/live.ts';
import {
  type Connection,
  type ConnectionNotice,
  type ConnectionTimer,
  type ConnectionWish,
  type Draft,
  initialConnection,
  type Report,
  type StreamAction,
} from '../stream/connection.ts';

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

/** An event of the app. */
export type Publishing = {
  readonly event: LivePublish;
  /** When it was first sent; undefined: not yet. Milliseconds. */
  readonly sentAtMs: number | undefined;
};

export type LiveState = Connection & {
  readonly topics: ReadonlyMap<string, Topic>;
  readonly watches: ReadonlyMap<number, Watched>;
  /** The highest generation of a subscription or a watch that was ended: its answers may still come. */
  readonly endedGeneration: number;
  /** Events of the app that the server has not answered, by request id. */
  readonly publishes: ReadonlyMap<string, Publishing>;
};

export const initialState: LiveState = { ...initialConnection, topics: new Map(), watches: new Map(), endedGeneration: 0, publishes: new Map() };

/** Timers by name: `topic NAME` and `watch ID` begin what the server has closed for a while. */
export type TimerName = ConnectionTimer | `topic ${string}` | `watch ${number}`;

/** What an app wants of live updates. */
export type LiveWish =
  | ConnectionWish
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
  | { readonly type: 'publish'; readonly event: LivePublish };

/** What happens to a live client. */
export type LiveEvent =
  | LiveWish
  | Report
  /** The present stream received a message. */
  | { readonly type: 'message'; readonly message: LiveResponse }
  | { readonly type: 'timer'; readonly name: TimerName };

/** What the app is notified of. */
export type Notice =
  | ConnectionNotice
  /**
   * @property recovered false: events may be missing, so load what the topic is about
   * @property position of the events that follow: kept-positions.ts says when it is stored
   */
  | { readonly kind: 'subscribed'; readonly topic: string; readonly recovered: boolean; readonly position: Position | undefined }
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
  /** @property reason empty: published; `UNANSWERED`: perhaps published, and too long ago to be sent again */
  | { readonly kind: 'published'; readonly requestId: string; readonly reason: string };

/** What a live client does. */
export type Action = StreamAction<LiveHello, NonNullable<LiveRequest['message']>, Notice, TimerName>;

/** The state that follows, and what is to be done in this order. */
export type Step = { readonly state: LiveState; readonly actions: readonly Action[] };

/** The same, before hello is known. */
export type LiveDraft = Draft<LiveState, Exclude<Action, { readonly do: 'open' }>>;
