/**
 * Metadata of an upstream by lower-case key. A key ending in `-bin` has bytes. Empty if there is none. Values that are
 * not printable ASCII are omitted.
 */
export type ReceivedMetadata = { getAll(key: string): readonly (string | Uint8Array)[] };

/** An outgoing call. */
export type UpstreamCall = {
  /** "/orders.v1.OrderService/GetOrder" */
  readonly path: string;
  /** Lower-case keys; those that end in `-bin` have bytes. */
  readonly metadata: readonly (readonly [key: string, value: string | Uint8Array])[];
  /** Sent as `grpc-timeout`, and enforced here, too: milliseconds since 1970. Undefined: no limit. */
  readonly deadlineAtMs: number | undefined;
};

/**
 * Why a call ended without a status of the upstream.
 * - `dns` the name has no address; `refused` no process listens; `tls` no secure connection; `unreachable` any other
 * failure to connect
 * - `lost` the connection broke while the call was open; `reset` the upstream (or a proxy) reset the stream
 * - `timeout` the deadline passed; `cancelled` this side cancelled it
 * - `http` the answer is not gRPC, such as a proxy's error page
 * - `too_large` a message exceeds the limit; `protocol` any other violation of gRPC
 */
export type TransportCause =
  | 'dns'
  | 'refused'
  | 'tls'
  | 'unreachable'
  | 'lost'
  | 'reset'
  | 'timeout'
  | 'cancelled'
  | 'http'
  | 'too_large'
  | 'protocol';

/** A call that no upstream ended. `detail` names addresses, sockets and parsers, and is only for the log. */
export type TransportEnd = {
  readonly by: 'transport';
  readonly cause: TransportCause;
  readonly detail: string;
  /** `no`: no application has seen the call, so a repeat cannot execute it twice. */
  readonly processed: 'no' | 'maybe';
  /** With cause `http`: the HTTP status. */
  readonly httpStatus?: number;
};

/** A call that the upstream ended, with its own status, including OK. */
export type UpstreamStatus = {
  readonly by: 'upstream';
  /** 0 to 16. Any other value became UNKNOWN (2). */
  readonly code: number;
  /** Well-formed text. */
  readonly message: string;
  /** The bytes of `grpc-status-details-bin` as received; undefined: none, or not base64. */
  readonly details: Uint8Array | undefined;
  readonly trailers: ReceivedMetadata;
};

/** How a call ended; `peer` is the address it went to ("10.1.2.3:9000"), undefined when it was not sent. */
export type UpstreamEnd = (UpstreamStatus | TransportEnd) & { readonly peer: string | undefined };

/** Receives the answer of an upstream. Its functions do not throw. */
export type UpstreamReceiver = {
  /** At most once, before any message. Not at all when the call ends in its first headers ("Trailers-Only"). */
  headers(headers: ReceivedMetadata): void;
  /** One message. @returns false: pause reading until `resume`; messages that were already read are still delivered */
  message(bytes: Uint8Array): boolean;
  /** After `send` has returned false: the upstream accepts more. */
  drained(): void;
  /**
   * Exactly once, after the last message: every message before the status has been delivered. No function is called
   * after it.
   */
  ended(end: UpstreamEnd): void;
};

/** The sending half of a call. Its functions have no effect after the call's end. */
export type UpstreamSender = {
  /** @returns false: wait for `drained` before sending more; the message was accepted */
  send(message: Uint8Array): boolean;
  halfClose(): void;
  /** Resumes reading after `message` has returned false. */
  resume(): void;
  /** Ends the call at once, by `ended` with cause `cancelled`, and notifies the upstream. */
  cancel(): void;
};

/**
 * Calls to one upstream, as bytes. It maintains the connections: it polls DNS, uses the addresses round robin, and
 * backs off from addresses that fail. It repeats a call by itself if certainly no application has seen it (refused
 * streams, GOAWAY). Calls wait while it connects, and fail at once when every address has failed.
 */
export type UpstreamTransport = {
  /**
   * Starts a call. No function of `receiver` is called before this has returned.
   * @param only the whole request, for methods with one message; undefined: messages are sent one by one
   */
  call(call: UpstreamCall, receiver: UpstreamReceiver, only?: Uint8Array): UpstreamSender;
  /** Ends all calls and connections. */
  close(): void;
};

/** The address of an upstream and its options. */
export type UpstreamTarget = {
  /** "host:port", re-resolved; "ipv4:10.0.0.1:9000,10.0.0.2:9000", "ipv6:[::1]:9000"; "unix:/run/orders.sock". */
  readonly address: string;
  /** Unset: plain text. */
  readonly tls?: {
    /** PEM of the authorities; unset: the system's. */
    readonly ca?: string | Buffer;
    readonly key?: string | Buffer;
    readonly cert?: string | Buffer;
    /** The name in the certificate, if it differs from the address. */
    readonly serverName?: string;
  };
};
