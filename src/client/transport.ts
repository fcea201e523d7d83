import type { ChatHello, ChatRequest, ChatResponse } from '../gen/portico/v1/chat.ts';
import type { LiveHello, LiveRequest, LiveResponse } from '../gen/portico/v1/live.ts';
import type { Attachment, DownloadStart, UploadStart } from '../gen/portico/v1/media.ts';
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

/** A part of an attachment. */
export type Part = {
  readonly attachmentId: string;
  readonly from: number;
  /** So many bytes at most; undefined: up to the end. */
  readonly most: number | undefined;
  /** SHA-256 of the content that the part is of: of another one, all of it comes. Undefined: of any. */
  readonly of: Uint8Array | undefined;
};

/** SHA-256 of bytes that come piece by piece. */
export type Hash = {
  update(bytes: Uint8Array): void;
  /** Called once, after all of them. */
  digest(): Promise<Uint8Array>;
};

/** How attachments reach the server, and how the platform hashes them. */
export type MediaTransport = {
  /**
   * Uploads the bytes from `start.offset` on: all of them, or as many as one request carries.
   * @throws CallError UPLOAD_INCOMPLETE: those were stored up to the offset of its metadata, and the rest is to follow.
   * Whatever `bytes` throws is thrown in some form, too
   */
  upload(
    start: UploadStart,
    bytes: AsyncIterable<Uint8Array>,
    options: { readonly headers: Headers; readonly signal: AbortSignal },
  ): Promise<Attachment>;
  /** What comes first, then the bytes of the part. @throws CallError also when it ends too early */
  download(part: Part, options: { readonly headers: Headers; readonly signal: AbortSignal }): AsyncIterable<DownloadStart | Uint8Array>;
  sha256(): Hash;
};

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
  readonly media: MediaTransport;
  close(): void;
};
