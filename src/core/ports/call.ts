import type { Metadata } from 'nice-grpc-common';
import type { EndingOf } from '../kit/ending.ts';
import type { Fault } from '../kit/fault.ts';
import type { MethodPlan } from '../kit/method-plan.ts';
import type { RequestMessage } from '../kit/request-message.ts';
import type { Soon } from '../kit/soon.ts';
import type { StatusError } from '../kit/status-error.ts';
import type { KeptForms } from './cache-store.ts';
import type { Watched } from './watched.ts';

/** The origin of a call. */
export type Peer = {
  /** IP address without port; IPv6 without brackets. */
  readonly address: string;
  readonly port: number;
  /**
   * The verified client certificate's subject alternative names (mTLS), e.g. "URI:spiffe://…", "DNS:orders.internal";
   * empty without one.
   */
  readonly certificateNames: readonly string[];
};

export type Protocol = 'grpc' | 'grpc-web' | 'connect';

/** How a call or stream ended: it returned, it threw, or it was closed early (the client left). */
export type Ending = EndingOf;

/** Read-only metadata. */
export type CallMetadata = Pick<Metadata, 'get' | 'getAll' | 'has' | typeof Symbol.iterator>;

/** One shape for all four kinds of call and all protocols. */
export type Call = {
  readonly plan: MethodPlan;
  readonly protocol: Protocol;
  /** Lower-case keys. The front has removed keys that a client may not send (`portico-*`, `x-forwarded-*`, …). */
  readonly metadata: CallMetadata;
  readonly peer: Peer;
  /** The `:authority` or Host of the call. */
  readonly authority: string;
  /**
   * Aborted when the client disconnects or cancels, and by the deadline interceptor at the deadline; its reason is then
   * a Fault.
   */
  readonly signal: AbortSignal;
  /** When the client stops waiting: milliseconds since 1970. */
  readonly deadlineAtMs: number | undefined;
  readonly request: CallRequest;
  /** What a stream has sent so far, before compression. */
  readonly sent: { readonly bytes: number; readonly messages: number };
  /**
   * Runs `callback` once when the call has ended completely (a stream: after its last message), in any way. Must not
   * throw.
   */
  onEnd(callback: (ending: Ending) => void): void;
};

/**
 * The sink of one stream's messages, which an edge gives to a writer. It costs no promise per message, so one event for
 * a thousand streams is a thousand calls of `write`. A writer ends it once, by `end` or by `fail`: also after the
 * signal's abort, when it has stopped, because what waits for its end (the invalidation of a write) waits for that.
 * After the end, or the abort, nothing more is sent.
 */
export type Sink = {
  /**
   * Sends one message, whose bytes must not change afterwards.
   * @returns false when the sink is full: the message was accepted, and the next one must wait for `onRoom`. A writer
   * that does not wait loses its stream.
   */
  write(message: Uint8Array): boolean;
  /**
   * Runs `callback` once when there is room, or at once if there is. Never after the stream's end. A new callback
   * replaces a waiting one.
   */
  onRoom(callback: () => void): void;
  /** For how long no byte of what waits for the client has left, in milliseconds, to the second; 0: nothing waits. */
  readonly stuckForMs: number;
  /** The stream is complete: the answer's trailers are complete, and are sent. */
  end(): void;
  /** The stream ends with this error, after the messages that were written. */
  fail(error: unknown): void;
  /** Aborted when messages are no longer accepted: the client has disconnected, or the call was ended from outside. */
  readonly signal: AbortSignal;
};

/**
 * A stream whose writer sets the pace: called once, with the sink, when the initial metadata has been sent. It returns
 * at once and writes whenever it has a message. An error before it returns has the effect of `fail`.
 */
export type PushedBody = (sink: Sink) => void;

/** The messages of a stream: pulled one by one by a reader, to which its error is thrown; or pushed by its writer. */
export type StreamBody = AsyncIterable<Uint8Array> | PushedBody;

/**
 * The request of a call. It is read, decompressed and brought to bytes when it is asked for, which the chain does only
 * once it knows who calls. What cannot be read is thrown as a Fault by whoever asks.
 */
export type CallRequest = {
  /** The message of a method that takes one: always the same. */
  one(): Soon<RequestMessage>;
  /**
   * The messages of a method that takes a stream, each as it comes. To be asked for once.
   * @param read unset: the bytes as received
   */
  each(read?: ReadMessage): AsyncIterable<Uint8Array>;
  /** Bytes of the messages that were read so far. */
  readonly bytesRead: number;
};

/** The bytes of a message for its handler. An error ends the stream. */
export type ReadMessage = (message: RequestMessage) => Uint8Array;

export type Answer = {
  /** Initial metadata. */
  readonly metadata: Metadata;
  /**
   * Unary and client stream: the message's bytes. Server stream and bidi: one message's bytes each. Edges turn either
   * form of a stream into what they need (interceptors/pushed-body.ts).
   */
  readonly body: Uint8Array | StreamBody;
  /** Complete when the body has ended. */
  readonly trailers: Metadata;
  /** Tags besides those of the policy: from `context.tag()`. */
  readonly tags?: readonly string[];
  /** True when parts are missing: never stored, no etag. */
  readonly partial?: boolean;
  /** Of an answer from the cache: its other forms on the wire, made once and kept with it. */
  readonly forms?: KeptForms;
  /** Of an answer to a watch. */
  readonly watched?: Watched;
  /**
   * The error of a refused call, whose answer has nothing else. Throwing it from one interceptor to the next would take
   * a fifth of the cost of a refusal. Only the edge and the interceptors around authentication receive such an answer.
   */
  readonly refused?: Fault<string> | StatusError;
};

/**
 * Wraps the next interceptor: passes the call on with its additions, or answers it. A stream is one value here, and
 * work per message is paid per message. It returns synchronously what it receives synchronously, so that an answer from
 * memory passes the whole chain without a promise.
 */
export type Interceptor<Needs, Adds> = (call: Call & Needs, next: (call: Call & Needs & Adds) => Soon<Answer>) => Soon<Answer>;

/** Added by tracing. */
export type Traced = {
  readonly trace: {
    /** 32 lower-case hex digits; also the request's id in errors and logs. */
    readonly traceId: string;
    /** Of the call's own span: 16 lower-case hex digits. */
    readonly spanId: string;
    /** Whether that is recorded. A failure of the server is, too. */
    readonly sampled: boolean;
    /** An attribute of the call's span and a field of its access log line. Never a value of a `debug_redact` field. */
    annotate(key: string, value: string | number | boolean): void;
    /**
     * A client span and `rpc.client.call.duration` around one upstream call.
     * @param method "orders.v1.OrderService/GetOrder"
     * @param target the configured address, never the resolved one
     */
    upstream(method: string, target: string): UpstreamSpan;
  };
};
export type UpstreamSpan = {
  /** The W3C trace context to send with the call. */
  readonly metadata: readonly (readonly [key: string, value: string])[];
  /** @param code gRPC status code, 0 to 16 */
  end(code: number): void;
};

/** The caller. Values come only from verified tokens or certificates. */
export type Caller =
  | {
      readonly kind: 'user';
      /**
       * `sub`: of a Portico session, or of the external issuer. Undefined only in a SCOPE_CLAIMS computation without
       * `sub`, which stands for many users.
       */
      readonly userId: string | undefined;
      readonly issuer: string;
      /** Undefined for external access tokens. */
      readonly sessionId: string | undefined;
      readonly scopes: ReadonlySet<string>;
      /** Named string claims that policies may use (SCOPE_CLAIMS, templates); always has `sub`. */
      readonly claims: ReadonlyMap<string, string>;
    }
  | { readonly kind: 'service'; readonly name: string };
export type UserCaller = Extract<Caller, { kind: 'user' }>;

/** How long a stream may continue: while its token is valid and its session has not ended. */
export type Lifetime = {
  /** The expiry of the newest token plus the allowed clock skew. Milliseconds since 1970. */
  readonly endsAtMs: number;
  /**
   * Verifies a new token for the stream, which then continues until that token ends. The user and the session stay as
   * at the beginning; scopes and claims may differ.
   * @returns the caller of the new token
   * @throws Fault TOKEN_INVALID when it belongs to another user or session, SCOPE_MISSING when it may not call this
   * method, or an error of its verification; the old token then still applies
   */
  extend(token: string): Soon<Caller>;
  /**
   * Calls back once with TOKEN_EXPIRED or SESSION_REVOKED at the end, or at once if it has already ended. A new
   * callback replaces the one before: authentication's ends the call, and a stream that replaces it ends itself.
   */
  onEnd(callback: (fault: Fault) => void): void;
};

/** Added by authenticate. Undefined: an anonymous method, or a SHARED computation, which has no caller. */
export type Authenticated = {
  readonly caller: Caller | undefined;
  /** The lifetime of a stream that a token has opened. Undefined: only the call itself ends it. */
  readonly lifetime: Lifetime | undefined;
};

/** Added by validate. */
export type Decoded = {
  /** The bytes of the one message; of a stream of requests none. */
  readonly requestBytes: Uint8Array;
  /** Undefined for streams of requests. */
  readonly decoded: Pick<RequestMessage, 'message' | 'canonical' | 'hasUnknownFields'> | undefined;
};

/** The call that handlers receive. */
export type ReadyCall = Call & Traced & Authenticated & Decoded;
export type Handler = (call: ReadyCall) => Soon<Answer>;

/** The one function that produces answers, used by every edge. An error of a call is its `refused`, a StatusError. */
export type AnswerCall = (call: Call) => Soon<Answer>;
