// An upstream that is written by hand in HTTP/2, so that it can say what no gRPC library would, and see every byte that it is sent.
import { once } from 'node:events';
import {
  createSecureServer,
  createServer,
  type IncomingHttpHeaders,
  type SecureServerOptions,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerOptions,
} from 'node:http2';

export type RawCall = { readonly stream: ServerHttp2Stream; readonly headers: IncomingHttpHeaders };
export type RawUpstream = {
  /** "127.0.0.1:41234" */
  readonly address: string;
  /** Calls so far, the last one last. */
  readonly calls: readonly RawCall[];
  /** Connections that are open. */
  readonly sessions: ReadonlySet<ServerHttp2Session>;
  /** What the next calls are answered with. */
  answer: (call: RawCall) => void | Promise<void>;
  close(): Promise<void>;
};

/** Opens it on a free port of loopback; with a certificate it speaks TLS. */
export async function openRawUpstream(options: ServerOptions | SecureServerOptions = {}): Promise<RawUpstream> {
  const calls: RawCall[] = [];
  const sessions = new Set<ServerHttp2Session>();
  const server = 'cert' in options ? createSecureServer(options) : createServer(options);
  server.on('session', (session) => {
    sessions.add(session);
    session.on('error', () => {});
    session.once('close', () => sessions.delete(session));
  });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    calls.push({ stream, headers });
    void upstream.answer({ stream, headers });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const upstream: RawUpstream = {
    address: `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    calls,
    sessions,
    answer: ({ stream }) => void stream.resume(),
    close: async () => {
      for (const session of sessions) session.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  return upstream;
}

/** A message as gRPC frames it: not compressed, its length, its bytes. */
export function framed(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.byteLength, 1);
  return Buffer.concat([head, message]);
}

export const grpcHeaders = { ':status': 200, 'content-type': 'application/grpc' } as const;

/** Answers headers, messages and trailers. */
export function reply(
  { stream }: RawCall,
  {
    headers = {},
    messages = [],
    trailers = {},
  }: { readonly headers?: object; readonly messages?: readonly Uint8Array[]; readonly trailers?: Readonly<Record<string, string>> },
): void {
  stream.resume();
  stream.respond({ ...grpcHeaders, ...headers }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', ...trailers }));
  for (const message of messages) stream.write(framed(message));
  stream.end();
}

/** Ends a call in its first headers: Trailers-Only. */
export function trailersOnly({ stream }: RawCall, trailers: Readonly<Record<string, string>>): void {
  stream.resume();
  stream.respond({ ...grpcHeaders, ...trailers }, { endStream: true });
}

/** All messages of a call's request, when the client has half-closed. */
export async function messagesOf({ stream }: RawCall): Promise<readonly Buffer[]> {
  const bytes = Buffer.concat((await stream.toArray()) as Buffer[]);
  const messages: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at + 1);
    messages.push(bytes.subarray(at + 5, at + 5 + length));
    at += 5 + length;
  }
  return messages;
}
