import { type AddressInfo, createServer as createNetServer, type Server as NetServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { peerOf } from './connection-peer.ts';
import { type DrainSummary, drain } from './drain.ts';
import { openEdge } from './exchange-to-call.ts';
import type { FrontOptions, FrontTls } from './front-options.ts';
import { Connection } from './http/http-connection.ts';
import { createHttp1 } from './http/http1-server.ts';
import { openConnectionLifetimes } from './http/http2-keepalive-and-age.ts';
import { createHttp2 } from './http/http2-server.ts';
import { limitConnections } from './http/limit-connections.ts';
import { openProxyGate } from './http/proxy-protocol.ts';
import { requestTimeouts } from './http/request-timeouts.ts';
import { pauseSoon, unsentOf } from './http/socket-handle.ts';
import type { AbuseReason } from './http/transport-metrics.ts';
import { unreadAnswers } from './http/unread-answers.ts';
import { withPages } from './http-pages.ts';
import { awaitClientHello } from './tls/await-client-hello.ts';

export type Front = {
  readonly port: number;
  /** Replaces the certificate for new connections without dropping any. */
  setCertificate(tls: FrontTls): void;
  /** Refuses new connections and streams, lets calls in flight finish for `graceMs`, then cuts the rest. */
  drain(graceMs: number): Promise<DrainSummary>;
  /** Closes all connections now. */
  close(): Promise<void>;
};

/**
 * Without it the second of two small writes waits for the client's ACK of the first, which the client may delay for
 * 40 ms and more (RFC 9293, section 3.7.4). node:http and node:http2 set it on connections that they accept themselves.
 */
const noDelay = true;
/** How long a closed HTTP/2 connection waits for the client to close its side. Milliseconds. */
const lingerMs = 1_000;

/**
 * One port for gRPC, gRPC-Web, Connect and JSON: TLS with ALPN, HTTP/2 and HTTP/1.1, each stream passed to its edge.
 */
export async function openFront(options: FrontOptions): Promise<Front> {
  const { timers, limits, clock, reportDefect, reports } = options;
  const sessions = openConnectionLifetimes(timers, clock, () => reports.goaway('server'));
  const unread = unreadAnswers({ stallMs: timers.stallMs, connectionBytesMax: limits.queuedBytesPerConnection, bytesMax: limits.queuedBytes }, clock);
  const times = requestTimeouts(clock);
  const edge = openEdge({
    ...options,
    reportDefect: (error) => reportDefect('stream', error),
    nowMs: clock.nowMs,
    watch: (exchange) => {
      const end = () => {
        exchange.report('request_timeout');
        exchange.tooLate();
      };
      return times.watch({ isWhole: () => exchange.isWhole(), end }, timers.requestMs);
    },
  });
  const open = new Set<Connection>();
  const connect = (socket: Socket, destroy: (reason: AbuseReason) => void) => {
    const peer = peerOf(socket);
    const connection = new Connection({
      peer,
      statusBytesMax: limits.statusBytes,
      wrote: unread.wrote,
      unsent: () => unsentOf(socket),
      report: (reason) => reports.abuse(reason, peer.address),
      destroy,
    });
    open.add(connection);
    socket.once('close', () => open.delete(connection));
    return connection;
  };
  const take = withPages(options, edge);
  const http1 = createHttp1(options, { timers, times, serve: take, connect });
  const http2 = createHttp2(options, { timers, sessions, times, serve: take, connect });
  const inLine = options.openLine();
  const accept: Accept = (socket, isHttp2) => {
    if (!isHttp2) return serve(socket, isHttp2);
    const resume = pauseSoon(socket); // what its client sends meanwhile waits in the kernel
    inLine(() => {
      resume();
      serve(socket, isHttp2);
    });
  };
  const serve: Accept = (socket, isHttp2) => {
    if (socket.destroyed) return;
    try {
      // After our end Node waits for the client's, which may never come.
      if (isHttp2) socket.on('finish', () => clock.after(lingerMs, () => socket.destroy()));
      connections.speaks(socket, isHttp2 ? 'http2' : 'http1');
      if (isHttp2) {
        const session = http2(socket);
        session.once('connect', () => listener.listening || session.close()); // it waited while the drain sent GOAWAYs
      } else http1.server.emit('connection', socket);
    } catch (error) {
      reportDefect('connection', error);
      socket.destroy();
    }
  };
  const { inner, setCertificate } = options.tls === undefined ? plainListener(accept, options) : tlsListener(options.tls, accept, options);
  const listener = options.trustedProxies?.length ? openProxyGate(inner, options) : inner;
  const connections = limitConnections(listener, limits, reports, inner);
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(options.port, options.host, () => {
      listener.off('error', reject);
      resolve();
    });
  }).catch((error: unknown) => {
    http1.server.close();
    times.close();
    throw error;
  });
  listener.on('error', (error) => options.log.error('The listener failed.', { error }));
  const close = async () => {
    for (const session of [...sessions.all()]) session.destroy();
    for (const socket of connections.sockets) socket.destroy();
    await new Promise<void>((resolve) => listener.close(() => resolve()));
    http1.server.close(); // ends its check of timeouts
    times.close();
    unread.close();
    sessions.close();
  };
  return {
    port: (listener.address() as AddressInfo).port,
    setCertificate,
    drain: (graceMs) => drain({ listener, sockets: connections.sockets, connections: open, sessions, http1, graceMs, clock }),
    close,
  };
}

type Accept = (socket: Socket, isHttp2: boolean) => void;
/** What takes connections, though it may not be what listens. */
type Inner = { readonly inner: NetServer } & Pick<Front, 'setCertificate'>;

function tlsListener(tls: FrontTls, accept: Accept, { timers: { handshakeMs }, clock, reports, openLine }: FrontOptions): Inner {
  const handshakes = createTlsServer({
    noDelay,
    key: tls.key,
    cert: tls.cert,
    ca: tls.clientCa,
    ...(tls.ticketKeys && { ticketKeys: tls.ticketKeys }),
    requestCert: tls.clientCa !== undefined,
    rejectUnauthorized: false, // a service without a certificate may send a token; an unverified certificate gives no names
    ALPNProtocols: ['h2', 'http/1.1'],
    handshakeTimeout: handshakeMs,
  });
  handshakes.on('secureConnection', (socket) => {
    socket.on('error', () => {});
    reports.handshake('done');
    accept(socket, socket.alpnProtocol === 'h2');
  });
  const tooLate = (socket: Socket) => {
    reports.handshake('timeout');
    reports.abuse('handshake_timeout', peerOf(socket).address);
    socket.destroy();
  };
  const fail = (socket: Socket) => {
    reports.handshake('failed');
    socket.destroy();
  };
  handshakes.on('tlsClientError', ({ code }: NodeJS.ErrnoException, socket) => (code === 'ERR_TLS_HANDSHAKE_TIMEOUT' ? tooLate : fail)(socket));
  return {
    inner: awaitClientHello(handshakes, openLine(), { clock, silentMs: handshakeMs, tooLate, fail }),
    setCertificate: ({ key, cert, clientCa }) => handshakes.setSecureContext({ key, cert, ca: clientCa, ticketKeys: tls.ticketKeys }),
  };
}

/** The first bytes of HTTP/2. */
const http2Word = 'PRI';

/**
 * Without ALPN the first bytes decide: an HTTP/2 client with prior knowledge sends its preface ("PRI", RFC 9113,
 * section 3.4) without waiting.
 */
function plainListener(accept: Accept, { timers: { prefaceMs }, clock, reports }: FrontOptions): Inner {
  const inner = createNetServer({ noDelay }, (socket) => {
    const tooLate = clock.after(prefaceMs, () => {
      reports.abuse('preface_timeout', peerOf(socket).address);
      socket.destroy();
    });
    socket.once('close', tooLate);
    let first = '';
    const look = () => {
      const chunk: Buffer | null = socket.read();
      if (chunk === null) return; // ended without a byte
      first += chunk.toString('latin1');
      if (first.length < http2Word.length && http2Word.startsWith(first)) return; // TCP may split it anywhere
      socket.off('readable', look);
      tooLate();
      socket.unshift(Buffer.from(first, 'latin1'));
      accept(socket, first.startsWith(http2Word));
    };
    socket.on('readable', look);
  });
  const setCertificate = () => {
    throw new Error('This listener speaks plain HTTP: it has no certificate.');
  };
  return { inner, setCertificate };
}
