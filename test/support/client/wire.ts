// HTTP/2 by hand: one TLS connection of a client that says what no library would.
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type Settings,
} from 'node:http2';
import { connect as connectTls, type TLSSocket } from 'node:tls';

export type Reply = { readonly headers: IncomingHttpHeaders; readonly trailers: IncomingHttpHeaders; readonly body: Buffer };

export type Wire = AsyncDisposable & {
  readonly session: ClientHttp2Session;
  readonly socket: TLSSocket;
  open(headers: OutgoingHttpHeaders): ClientHttp2Stream;
  /** Sends a whole request and waits for the whole reply. */
  ask(headers: OutgoingHttpHeaders, body?: Uint8Array | string): Promise<Reply>;
};

/** Opens a connection of its own. */
export async function openWire({ url, ca }: { readonly url: string; readonly ca: string }, settings: Settings = {}): Promise<Wire> {
  const { hostname, port } = new URL(url);
  const socket = connectTls({ host: hostname, port: Number(port), ca, servername: hostname, ALPNProtocols: ['h2'] });
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  const session = connect(url, { createConnection: () => socket, settings });
  session.on('error', () => {});
  await once(session, 'remoteSettings');
  const open = (headers: OutgoingHttpHeaders) => {
    const stream = session.request(headers, { endStream: false });
    stream.on('error', () => {});
    return stream;
  };
  return {
    session,
    socket,
    open,
    ask: async (headers, body) => {
      const stream = open({ ':method': 'POST', ...headers });
      const replied = replyOf(stream);
      stream.end(body);
      return replied;
    },
    [Symbol.asyncDispose]: async () => {
      if (session.destroyed) return;
      session.destroy();
      await once(socket, 'close');
    },
  };
}

/** @throws Error when the stream ends without a reply */
export function replyOf(stream: ClientHttp2Stream): Promise<Reply> {
  return new Promise((resolve, reject) => {
    let headers: IncomingHttpHeaders | undefined;
    let trailers: IncomingHttpHeaders = {};
    const chunks: Buffer[] = [];
    stream.on('response', (received) => {
      headers = received;
    });
    stream.on('trailers', (received) => {
      trailers = received;
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('close', () =>
      headers === undefined
        ? reject(new Error(`The stream was closed without a reply (code ${stream.rstCode}).`))
        : resolve({ headers, trailers, body: Buffer.concat(chunks) }),
    );
  });
}
