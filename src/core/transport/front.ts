import { createServer as createHttpServer, type Server as Http1Server } from 'node:http';
import {
  createServer as createHttp2Server,
  type Http2Server,
  type Http2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { type AddressInfo, createServer as createNetServer, type Server as NetServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls';
import type { Clock } from '../kit/clock.ts';
import { Fault } from '../kit/fault.ts';
import type { Peer } from '../ports/call.ts';
import type { Log } from '../ports/log.ts';
import type { ConnectEdge, NodeServerRequest, NodeServerResponse } from './connect-edge.ts';
import { applyCors } from './cors.ts';
import { cleanHeaders } from './incoming.ts';
import { type EncodeRefusal, refuseGrpc, refuseHttp } from './refusal.ts';

/** What a page of a fixed path is: the published keys, and the like. */
export type Page = { readonly contentType: string; readonly body: string; readonly cacheControl?: string };

export type FrontTls = {
  readonly key: string;
  readonly cert: string /** PEM of the authorities whose client certificates are accepted; unset: none is asked for. */;
  readonly clientCa?: string;
};

export type FrontOptions = {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Undefined: plain HTTP/2 and HTTP/1.1, behind a proxy that ends TLS. */
  readonly tls: FrontTls | undefined;
  readonly grpc: Http2Server;
  readonly connect: ConnectEdge;
  /** Whether a gRPC method of this path exists; others are answered METHOD_UNKNOWN here. */
  readonly knows: (path: string) => boolean;
  readonly pages: Readonly<Record<string, () => Page>>;
  readonly corsOrigins: readonly string[];
  readonly refusal: EncodeRefusal;
  readonly clock: Clock;
  readonly log: Log;
  readonly timers?: Partial<FrontTimers>;
};

/** facts: TLS handshake 120 s and the rest without limit in Node itself; ours are those of the table in docs/reference/protocols.md. */
export type FrontTimers = { readonly handshakeMs: number; readonly prefaceMs: number; readonly idleMs: number };
const defaultTimers: FrontTimers = { handshakeMs: 10_000, prefaceMs: 10_000, idleMs: 300_000 };

/** Limits of one HTTP/2 connection: Envoy's edge guide and docs/reference/protocols.md. grpc-js's own options do not reach these sessions. */
const http2Options = {
  settings: { maxConcurrentStreams: 100, maxHeaderListSize: 16_384, enablePush: false, enableConnectProtocol: false },
  maxSessionMemory: 16, // MB
  maxHeaderListPairs: 64,
  streamResetBurst: 200,
  streamResetRate: 20, // a second
  maxSessionInvalidFrames: 100,
  maxSessionRejectedStreams: 100,
};

export type DrainSummary = {
  /** Connections that ended by themselves. */ readonly finished: number /** Connections that had to be cut. */;
  readonly cut: number;
};

export type Front = {
  readonly port: number;
  /** Swaps the certificate without dropping a connection; new connections get it. */
  setCertificate(tls: FrontTls): void;
  /** Takes no new connections and streams, lets calls in flight finish for `graceMs`, then cuts what is left. */
  drain(graceMs: number): Promise<DrainSummary>;
  /** Ends everything now. */
  close(): Promise<void>;
};

/** One port for gRPC, gRPC-Web, Connect and JSON: TLS with ALPN, HTTP/2 and HTTP/1.1, each stream handed to its edge. */
export async function openFront(options: FrontOptions): Promise<Front> {
  const timers = { ...defaultTimers, ...options.timers };
  const sockets = new Set<Socket>();
  const sessions = new Set<ServerHttp2Session>();
  const http1 = createHttp1(options);
  const http2 = createHttp2(options, sessions, timers);
  const accept = (socket: Socket, isHttp2: boolean) => (isHttp2 ? http2 : http1).emit('connection', socket);
  const listener = options.tls === undefined ? plainListener(accept, timers) : tlsListener(options.tls, accept, timers);
  listener.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {}); // a peer that breaks off is nobody's fault; the socket's close follows
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(options.port, options.host, () => {
      listener.off('error', reject);
      resolve();
    });
  });
  listener.on('error', (error) => options.log.error('The listener failed.', { error }));
  const close = async () => {
    for (const session of sessions) session.destroy();
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => listener.close(() => resolve()));
    http1.close(); // ends its check of time-outs
  };
  return {
    port: (listener.address() as AddressInfo).port,
    setCertificate: (tls) => {
      if (!('setSecureContext' in listener)) throw new Error('This listener speaks plain HTTP: it has no certificate.');
      (listener as TlsServer).setSecureContext({ key: tls.key, cert: tls.cert, ca: tls.clientCa });
    },
    drain: (graceMs) => drain({ listener, sockets, sessions, http1, graceMs, clock: options.clock }),
    close,
  };
}

function tlsListener(tls: FrontTls, accept: (socket: Socket, isHttp2: boolean) => void, { handshakeMs }: FrontTimers): TlsServer {
  const listener = createTlsServer({
    key: tls.key,
    cert: tls.cert,
    ca: tls.clientCa,
    requestCert: tls.clientCa !== undefined,
    rejectUnauthorized: false, // a service without a certificate may bring a token; an unverified certificate gives no names
    ALPNProtocols: ['h2', 'http/1.1'],
    handshakeTimeout: handshakeMs,
  });
  listener.on('secureConnection', (socket) => {
    socket.on('error', () => {});
    accept(socket, socket.alpnProtocol === 'h2');
  });
  listener.on('tlsClientError', (_error, socket) => socket.destroy());
  return listener;
}

/** Without ALPN the first bytes tell: an HTTP/2 client with prior knowledge sends its preface ("PRI", RFC 9113, section 3.4) without waiting. */
function plainListener(accept: (socket: Socket, isHttp2: boolean) => void, { prefaceMs }: FrontTimers): NetServer {
  return createNetServer((socket) => {
    socket.setTimeout(prefaceMs, () => socket.destroy());
    socket.once('readable', () => {
      socket.setTimeout(0);
      const first: Buffer | null = socket.read();
      if (first === null) return; // ended without a byte
      socket.unshift(first);
      accept(socket, first.subarray(0, 3).toString('latin1') === 'PRI');
    });
  });
}

function createHttp1(options: FrontOptions): Http1Server {
  const server = createHttpServer(
    { headersTimeout: 10_000, requestTimeout: 30_000, connectionsCheckingInterval: 1_000, maxHeaderSize: 16_384 },
    (request, response) => {
      serveHttp(options, request, response as unknown as NodeServerResponse, peerOf(request.socket));
    },
  );
  server.maxHeadersCount = 64;
  server.requestTimeout = 0; // streams may be long; headers have their own limit
  server.on('clientError', (_error, socket) => socket.destroy());
  server.emit('listening'); // injected sockets are checked for time-outs only by a server that thinks it listens (front.test.ts guards it)
  return server;
}

function createHttp2(options: FrontOptions, sessions: Set<ServerHttp2Session>, timers: FrontTimers): Http2Server {
  const { grpc, clock } = options;
  const server = createHttp2Server(http2Options as Parameters<typeof createHttp2Server>[0]);
  const compat = createHttp2Server((request, response) => {
    serveHttp(options, request, response as unknown as NodeServerResponse, peerOf(request.stream.session?.socket));
  });
  const peers = new WeakMap<Http2Session, Peer>();
  /** Streams that are open on each session. */
  const streams = new WeakMap<Http2Session, number>();
  const count = (session: Http2Session, by: number) => streams.set(session, (streams.get(session) ?? 0) + by);
  server.on('session', (session) => {
    sessions.add(session);
    peers.set(session, peerOf(session.socket));
    session.on('error', () => {});
    session.once('close', () => sessions.delete(session));
    const cancel = clock.after(timers.prefaceMs, () => session.destroy());
    session.once('remoteSettings', cancel);
    session.once('close', cancel);
    session.setTimeout(timers.idleMs, () => {
      if (!session.closed && (streams.get(session) ?? 0) === 0) session.close(); // a quiet stream is a call too
    });
    grpc.emit('session', session); // keepalive, age and idle of grpc-js apply
  });
  server.on('sessionError', () => {});
  // Only a stream listener: with a request listener Node would answer gRPC streams too.
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags: number, rawHeaders: string[]) => {
    stream.on('error', () => {});
    const { session } = stream; // unset once the stream has closed
    if (session !== undefined) {
      count(session, 1);
      stream.once('close', () => count(session, -1));
    }
    const contentType = headers['content-type'];
    if (contentType === undefined || !/^application\/grpc(?:[+;]|$)/.test(contentType)) {
      compat.emit('stream', stream, headers, flags, rawHeaders);
      return;
    }
    try {
      const path = headers[':path'] ?? '';
      if (!options.knows(path)) throw unknownMethod(path);
      cleanHeaders(headers, (session && peers.get(session)) ?? nobody, clock.nowMs(), rawHeaders);
    } catch (error) {
      refuseGrpc(stream, options.refusal(asFault(error), String(headers['accept-language'] ?? '')));
      return;
    }
    grpc.emit('stream', stream, headers, flags, rawHeaders);
  });
  return server;
}

function serveHttp(options: FrontOptions, request: NodeServerRequest, response: NodeServerResponse, peer: Peer): void {
  (request as NodeJS.EventEmitter).on('error', () => {});
  (response as NodeJS.EventEmitter).on('error', () => {});
  if (applyCors(request, response, options.corsOrigins)) return;
  const path = request.url?.split('?', 2)[0] ?? '';
  const page = request.method === 'GET' ? options.pages[path] : undefined;
  if (page !== undefined) {
    const { contentType, body, cacheControl = 'no-cache' } = page();
    response.writeHead(200, { 'content-type': contentType, 'cache-control': cacheControl });
    response.write(body);
    response.end();
    return;
  }
  try {
    cleanHeaders(request.headers, peer, options.clock.nowMs(), request.rawHeaders);
    if (!options.connect(request, response)) throw unknownMethod(path);
  } catch (error) {
    refuseHttp(request, response, options.refusal(asFault(error), String(request.headers['accept-language'] ?? '')));
  }
}

function unknownMethod(path: string): Fault {
  return new Fault('METHOD_UNKNOWN', `There is no method ${path.slice(0, 200)} here.`, { metadata: { path: path.slice(0, 200) } });
}

function asFault(error: unknown): Fault {
  return error instanceof Fault ? error : new Fault('INTERNAL', 'The call failed by a defect of the server.', { cause: error });
}

const nobody: Peer = { address: '', port: 0, certificateNames: [] };

function peerOf(socket: unknown): Peer {
  const { remoteAddress = '', remotePort = 0, authorized, getPeerCertificate } = (socket ?? {}) as Partial<TLSSocket>;
  const address = remoteAddress.startsWith('::ffff:') ? remoteAddress.slice('::ffff:'.length) : remoteAddress;
  if (authorized !== true || getPeerCertificate === undefined) return { address, port: remotePort, certificateNames: [] };
  const names = (socket as TLSSocket).getPeerCertificate().subjectaltname?.split(', ') ?? [];
  return { address, port: remotePort, certificateNames: names };
}

type Draining = {
  readonly listener: NetServer;
  readonly sockets: ReadonlySet<Socket>;
  readonly sessions: ReadonlySet<ServerHttp2Session>;
  readonly http1: Http1Server;
  readonly graceMs: number;
  readonly clock: Clock;
};

/** How long phones get to hear "no new streams" before the last stream's number is settled (grpc-go waits a round trip). */
const goawayMs = 100;

async function drain({ listener, sockets, sessions, http1, graceMs, clock }: Draining): Promise<DrainSummary> {
  const wait = (ms: number) => new Promise<void>((resolve) => clock.after(ms, resolve));
  listener.close();
  const all = sockets.size;
  // Two steps (RFC 9113, section 6.8): first "no new streams, all you sent count", then the number of the last one.
  for (const session of sessions) if (!session.closed && !session.destroyed) session.goaway(0, 2 ** 31 - 1);
  await wait(Math.min(goawayMs, graceMs));
  for (const session of sessions) if (!session.closed) session.close();
  const endMs = clock.monotonicMs() + graceMs;
  while (sockets.size > 0 && clock.monotonicMs() < endMs) {
    http1.closeIdleConnections();
    await wait(25);
  }
  const cut = sockets.size;
  for (const session of sessions) session.destroy();
  for (const socket of sockets) socket.destroy();
  return { finished: all - cut, cut };
}
