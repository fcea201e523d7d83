import type { ChatHello, ChatRequest, ChatResponse } from '../gen/portico/v1/chat.ts';
import type { LiveHello, LiveRequest, LiveResponse } from '../gen/portico/v1/live.ts';
import type { CallError } from './call-error.ts';

/** Metadata by lower-case name. */
export type Headers = Readonly<Record<string, string>>;

/** The answer of a unary call. */
export type Answer = { readonly message: Uint8Array; readonly headers: Headers };

/** A stream of LiveService or ChatService. */
export type ClientStream<Request> = {
  /** Sends after hello, in order. */
  send(message: Request): void;
  /** Ends it, after what was sent. Nothing is called afterwards. */
  close(): void;
};

export type StreamEvents<Response> = {
  readonly onMessage: (message: Response) => void;
  /** Called once, at the end. Undefined: the server ended it without an error. */
  readonly onEnd: (error: CallError | undefined) => void;
};

/** Opens a stream on a connection of its own, and sends hello. */
export type OpenStream<Hello, Request, Response> = (hello: Hello, headers: Headers, events: StreamEvents<Response>) => ClientStream<Request>;

/** How bytes reach the server: by gRPC in Node (node-transport.ts), by Connect in browsers (web-transport.ts). */
export type ClientTransport = {
  /**
   * @param method "app.v1.HomeService/GetHome"
   * @throws CallError
   */
  unary(
    method: string,
    request: Uint8Array,
    options: { readonly headers: Headers; readonly timeoutMs: number; readonly signal?: AbortSignal },
  ): Promise<Answer>;
  readonly live: OpenStream<LiveHello, NonNullable<LiveRequest['message']>, LiveResponse>;
  readonly chat: OpenStream<ChatHello, NonNullable<ChatRequest['message']>, ChatResponse>;
  close(): void;
};
