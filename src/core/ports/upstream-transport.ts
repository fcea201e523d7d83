/** What an upstream sent along, looked up by lower-case key; a key ending in `-bin` has bytes. Empty where there is none. Values that are no printable ASCII are left out. */
export type ReceivedMetadata = { getAll(key: string): readonly (string | Uint8Array)[] };

/** One call as it is sent. */
export type UpstreamCall = {
  /** "/orders.v1.OrderService/GetOrder" */
  readonly path: string;
  /** Lower-case keys; those that end in `-bin` have bytes. */
  readonly metadata: readonly (readonly [key: string, value: string | Uint8Array])[];
  /** Sent as `grpc-timeout` and kept here, too: milliseconds since 1970. Undefined: no limit. */
  readonly deadlineAtMs: number | undefined;
};

/**
 * Why a call ended without a status of the upstream.
 * - `dns` the name has no address; `refused` nobody listens; `tls` no secure connection; `unreachable` any other failure to connect
 * - `lost` the connection broke while the call was open; `reset` the upstream (or a proxy) reset the stream
 * - `timeout` the deadline passed; `cancelled` we cancelled it
 * - `http` it was answered by something that is no gRPC, such as a proxy's error page
 * - `too_large` a message is larger than we take; `protocol` anything else that is no gRPC
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

/** A call that no upstream ended. `detail` names addresses, sockets and parsers: it is for our log only. */
export type TransportEnd = {
  readonly by: 'transport';
  readonly cause: TransportCause;
  readonly detail: string;
  /** `no`: no application has seen the call, so that sending it again cannot do anything twice. */
  readonly processed: 'no' | 'maybe';
  /** With cause `http`: the status of HTTP. */
  readonly httpStatus?: number;
};

/** A call that the upstream ended: its own status, OK too. */
export type UpstreamStatus = {
  readonly by: 'upstream';
  /** 0 to 16; what is none of them was made UNKNOWN (2). */
  readonly code: number;
  /** Well-formed text. */
  readonly message: string;
  /** Of `grpc-status-details-bin`, as they came; undefined: none, or not base64. */
  readonly details: Uint8Array | undefined;
  readonly trailers: ReceivedMetadata;
};

/** How a call ended; `peer` is the address it went to ("10.1.2.3:9000"), undefined when it went nowhere. */
export type UpstreamEnd = (UpstreamStatus | TransportEnd) & { readonly peer: string | undefined };

/** Gets what an upstream answers. None of its functions throws. */
export type UpstreamReceiver = {
  /** At most once, before any message. Not at all when the call ends in its first headers ("Trailers-Only"). */
  headers(headers: ReceivedMetadata): void;
  /** One message. @returns false: read no more until `resume`; messages that have been read already still come */
  message(bytes: Uint8Array): boolean;
  /** After `send` has returned false: the upstream takes more. */
  drained(): void;
  /** Exactly once, after the last message: every message that came before the status has been handed over. Nothing comes after it. */
  ended(end: UpstreamEnd): void;
};

/** The sending half of a call. After the call's end all of it does nothing. */
export type UpstreamSender = {
  /** @returns false: wait for `drained` before sending more; the message was taken */
  send(message: Uint8Array): boolean;
  halfClose(): void;
  /** Reads on after `message` has returned false. */
  resume(): void;
  /** Ends the call at once, by `ended` with cause `cancelled`; the upstream is told. */
  cancel(): void;
};

/**
 * Calls to one upstream, as bytes. It keeps the connections: looks names up again and again, goes round the addresses, sets those that fail aside for a while, and sends a call again
 * by itself where it is certain that nobody has seen it (refused streams, connections that are going away). Calls wait while it connects; when every address has failed they fail at once.
 */
export type UpstreamTransport = {
  /**
   * Starts a call. `receiver` hears nothing before this has returned.
   * @param only the whole request, of methods that take one message; undefined: messages are sent one by one
   */
  call(call: UpstreamCall, receiver: UpstreamReceiver, only?: Uint8Array): UpstreamSender;
  /** Ends all calls and connections. */
  close(): void;
};

/** Where an upstream is and how it is reached. */
export type UpstreamTarget = {
  /** "host:port", re-resolved; "ipv4:10.0.0.1:9000,10.0.0.2:9000", "ipv6:[::1]:9000"; "unix:/run/orders.sock". */
  readonly address: string;
  /** Unset: plain text. */
  readonly tls?: {
    /** PEM of the authorities; unset: the system's. */
    readonly ca?: Buffer;
    readonly key?: Buffer;
    readonly cert?: Buffer;
    /** The name in the certificate where it is not that of the address. */
    readonly serverName?: string;
  };
};
