// One gRPC stream on a TLS connection of its own, by raw HTTP/2 frames: it costs the load's core far less than a library.
import { connect, type TLSSocket } from 'node:tls';
import { framed } from '../upstream/raw-upstream.ts';
import { frame, headerBlock, kinds, preface } from './raw-http2.ts';

const ping = 0x6;
const windowUpdate = 0x8;
const [acknowledged, endStream, endHeaders] = [0x1, 0x1, 0x4];
const windowMost = 2 ** 31 - 1;

export type H2Client = {
  send(message: Uint8Array): void;
  /** Opens the window of the stream further. */
  openWindow(bytes: number): void;
  close(): void;
  readonly socket: TLSSocket;
};

export type H2ClientParts = {
  readonly port: number;
  readonly ca: string | Buffer;
  readonly path: string;
  readonly token: string;
  readonly first: Uint8Array;
  /** The first window of the stream. Unset: as large as can be. Bytes. */
  readonly window?: number | undefined;
  readonly onMessage: (message: Buffer) => void;
  readonly onEnd: (why: string) => void;
};

export function openH2Client({ port, ca, path, token, first, window: own = windowMost, onMessage, onEnd }: H2ClientParts): H2Client {
  const socket = connect({ host: '127.0.0.1', port, ca, servername: 'localhost', ALPNProtocols: ['h2'] });
  const block = headerBlock([
    [':method', 'POST'],
    [':scheme', 'https'],
    [':path', path],
    [':authority', `localhost:${port}`],
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
    ['authorization', `Bearer ${token}`],
  ]);
  const settings = Buffer.alloc(6);
  settings.writeUInt16BE(4); // SETTINGS_INITIAL_WINDOW_SIZE
  settings.writeUInt32BE(own, 2);
  const send = (message: Uint8Array) => void socket.write(frame(kinds.data, 0, 1, framed(message)));
  socket.write(
    Buffer.concat([
      Buffer.from(preface),
      frame(kinds.settings, 0, 0, settings),
      openingFrame(0, windowMost - 65_535),
      frame(kinds.headers, endHeaders, 1, block),
      frame(kinds.data, 0, 1, framed(first)),
    ]),
  );
  let rest: Buffer = Buffer.alloc(0);
  let body: Buffer = Buffer.alloc(0);
  let over = false;
  const end = (why: string) => {
    if (over) return;
    over = true;
    socket.destroy();
    onEnd(why);
  };
  const take = (payload: Buffer) => {
    body = body.length === 0 ? payload : Buffer.concat([body, payload]);
    while (body.length >= 5 && body.length >= 5 + body.readUInt32BE(1)) {
      const until = 5 + body.readUInt32BE(1);
      const message = body.subarray(5, until);
      body = body.subarray(until);
      onMessage(message);
    }
    if (body.length > 0) body = Buffer.from(body);
  };
  socket.on('data', (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
      const length = rest.readUIntBE(0, 3);
      const [kind, flags = 0] = [rest[3], rest[4]];
      const payload = rest.subarray(9, 9 + length);
      rest = rest.subarray(9 + length);
      if (kind === kinds.data) take(payload);
      else if (kind === kinds.settings && (flags & acknowledged) === 0) socket.write(frame(kinds.settings, acknowledged, 0, Buffer.alloc(0)));
      else if (kind === ping && (flags & acknowledged) === 0) socket.write(frame(ping, acknowledged, 0, Buffer.from(payload)));
      else if (kind === kinds.goaway && payload.readUInt32BE(4) !== 0) return end('GOAWAY');
      else if (kind === kinds.reset) return end('RST_STREAM');
      else if (kind === kinds.headers && (flags & endStream) !== 0) return end('a status');
    }
    if (rest.length > 0) rest = Buffer.from(rest);
  });
  socket.on('error', (error) => end(error.message)).on('close', () => end('closed'));
  const close = () => {
    over = true;
    socket.destroy();
  };
  return { send, openWindow: (bytes) => socket.write(openingFrame(1, bytes)), close, socket };
}

/** Opens the window of a stream further; of stream 0: that of the connection. */
function openingFrame(stream: number, bytes: number): Buffer {
  const more = Buffer.alloc(4);
  more.writeUInt32BE(bytes);
  return frame(windowUpdate, 0, stream, more);
}
