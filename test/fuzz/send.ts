// Sends cases, by HTTP/2 on a connection that is shared and by HTTP/1.1 in bytes of our own, and waits for what is
// answered.
import type { EventEmitter } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import type { ClientHttp2Session, OutgoingHttpHeaders } from 'node:http2';
import { setTimeout as pause } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import type { Case } from './cases.ts';
import type { Reply } from './well-formed.ts';

/** A call that is not over after this long hangs. Milliseconds: the servers' own times are shorter. */
export const hangMs = 10_000;
/**
 * Why there is no reply: `unsendable`: our own library refused; `left`: the case left; `none`: the server ended the
 * stream or the connection without one.
 */
export type Sent = Reply | 'unsendable' | 'left' | 'none' | 'hangs';

/** @returns false when a stream or socket has not closed in time, however it closes */
export function closes(what: EventEmitter): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), hangMs);
    what.once('close', () => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}

export async function sendHttp2(session: ClientHttp2Session, { method, path, headers, pieces, end }: Case): Promise<Sent> {
  const all: OutgoingHttpHeaders = { ':method': method, ':path': path };
  for (const [name, value] of headers) all[name] = name in all && name !== 'content-type' ? [all[name] as string, value].flat() : value;
  const received: { headers?: IncomingHttpHeaders; trailers: IncomingHttpHeaders; chunks: Buffer[] } = { trailers: {}, chunks: [] };
  try {
    const stream = session.request(all, { endStream: false });
    stream.on('error', () => {});
    stream.on('response', (got) => {
      received.headers = got as IncomingHttpHeaders;
    });
    stream.on('trailers', (got) => {
      received.trailers = got as IncomingHttpHeaders;
    });
    stream.on('data', (chunk: Buffer) => received.chunks.push(chunk));
    const closed = closes(stream);
    for (const [i, piece] of pieces.entries()) {
      if (stream.destroyed || stream.writableEnded) break;
      stream.write(piece);
      if (i % 8 === 7) await pause(1); // so that pieces of several cases come between each other
    }
    if (end === 'leave') stream.close(8);
    else if (!stream.destroyed) stream.end();
    if (!(await closed)) {
      stream.close(8);
      return 'hangs';
    }
  } catch {
    return 'unsendable';
  }
  if (end === 'leave') return 'left';
  return received.headers === undefined ? 'none' : { headers: received.headers, trailers: received.trailers, body: Buffer.concat(received.chunks) };
}

export type Where = { readonly url: string; readonly ca: string };

/** On a connection of its own, which the server is asked to close; the body is in chunks as the pieces are. */
export async function sendHttp1({ url, ca }: Where, { method, path, headers, pieces, end }: Case): Promise<Sent> {
  const { hostname, port } = new URL(url);
  const socket = connectTls({ host: hostname, port: Number(port), ca, servername: hostname, ALPNProtocols: ['http/1.1'] });
  socket.on('error', () => {});
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  const closed = closes(socket);
  const lines = [
    `${method} ${path} HTTP/1.1`,
    'host: localhost',
    'connection: close',
    'transfer-encoding: chunked',
    ...headers.map(([name, value]) => `${name}: ${value}`),
  ];
  socket.write(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'));
  for (const [i, piece] of pieces.entries()) {
    socket.write(Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]));
    if (i % 8 === 7) await pause(1);
  }
  if (end === 'leave') socket.destroy();
  else socket.write('0\r\n\r\n');
  if (!(await closed)) {
    socket.destroy();
    return 'hangs';
  }
  if (end === 'leave') return 'left';
  return parsed(Buffer.concat(chunks)) ?? 'none';
}

/** The last response in the bytes of a connection. */
function parsed(bytes: Buffer): Reply | undefined {
  let rest = bytes;
  for (;;) {
    const end = rest.indexOf('\r\n\r\n');
    if (end < 0) return undefined;
    const [first = '', ...lines] = rest.subarray(0, end).toString('latin1').split('\r\n');
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1]);
    rest = rest.subarray(end + 4);
    if (status < 200) continue;
    const headers: IncomingHttpHeaders = { ':status': status as never };
    for (const line of lines) headers[line.slice(0, line.indexOf(':')).toLowerCase()] = line.slice(line.indexOf(':') + 1).trim();
    const body = headers['transfer-encoding'] === 'chunked' ? unchunked(rest) : rest;
    return { headers, trailers: {}, body };
  }
}

function unchunked(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const line = bytes.indexOf('\r\n', at);
    const length = line < 0 ? 0 : Number.parseInt(bytes.subarray(at, line).toString('latin1'), 16);
    if (!(length > 0)) return Buffer.concat(parts);
    parts.push(bytes.subarray(line + 2, line + 2 + length));
    at = line + 2 + length + 2;
  }
}
