import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Edge } from '../exchange-to-call.ts';
import type { FrontOptions, FrontTimers } from '../front-options.ts';
import { confine } from './confine-errors.ts';
import type { Connection } from './http-connection.ts';
import { Http1Exchange, refuseSocket } from './http1-exchange.ts';
import type { RequestTimeouts } from './request-timeouts.ts';
import { read } from './socket-handle.ts';

/** The response to malformed HTTP, after which Node closes the connection. */
const refusals: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};
/** Errors of the connection itself: its client has disconnected. */
const lost: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT']);

export type Http1 = {
  readonly server: Server;
  /** From now on every answer closes its connection. */
  leave(): void;
};

/**
 * One connection. Its requests wait for the one before them: a client may send many at once (RFC 9112, section 9.3.2).
 */
type Line = {
  readonly connection: Connection;
  busy: boolean;
  /** When the last answer had left. Monotonic milliseconds. */
  idleSinceMs: number;
  /** The request that was received last. */
  last: IncomingMessage | undefined;
  readonly waiting: (() => void)[];
  /** What follows the requests that wait is malformed. */
  isRefused: boolean;
};

type Received = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The client sends the body after a 100 (RFC 9110, section 10.1.1). */
  readonly isAsking: boolean;
};

export type Http1Parts = {
  readonly timers: FrontTimers;
  readonly times: RequestTimeouts;
  readonly serve: Edge;
  readonly connect: (socket: Socket, destroy: (reason: string) => void) => Connection;
};

/** The HTTP/1.1 server. It never listens: the front passes connections to it. */
export function createHttp1(
  { clock, reportDefect }: Pick<FrontOptions, 'clock' | 'reportDefect'>,
  { timers: { prefaceMs, idleMs }, times, serve, connect }: Http1Parts,
): Http1 {
  const open = new Set<ServerResponse>();
  const lines = new WeakMap<Socket, Line>();
  let leaving = false;
  const sayLast = (response: ServerResponse) => {
    if (!response.headersSent) response.setHeader('connection', 'close');
  };
  const lineOf = (socket: Socket): Line => {
    const known = lines.get(socket);
    if (known !== undefined) return known;
    const connection = connect(socket, () => socket.destroy());
    const line: Line = { connection, busy: false, idleSinceMs: clock.monotonicMs(), last: undefined, waiting: [], isRefused: false };
    lines.set(socket, line);
    endIdle(socket, line);
    return line;
  };
  /** Node's timer of an idle connection begins anew with every byte, also of empty lines between two requests. */
  const endIdle = (socket: Socket, line: Line) => {
    const mostMs = idleMs + prefaceMs;
    const look = () => {
      const leftMs = line.busy ? mostMs : line.idleSinceMs + mostMs - clock.monotonicMs();
      if (leftMs > 0) cancel = clock.after(leftMs, look);
      else line.connection.cut('headers_timeout');
    };
    let cancel = clock.after(mostMs, look);
    socket.once('close', () => cancel());
  };
  /** @param next called when the call's handler has ended, and its answer has left */
  const begin = ({ request, response, isAsking }: Received, connection: Connection, next: () => void) => {
    const exchange = new Http1Exchange(request, response, connection, times);
    connection.opened(exchange);
    let parts = 2;
    const over = () => {
      if (--parts === 0) next();
    };
    response.once('close', () => {
      connection.closed(exchange);
      over();
    });
    try {
      serve(exchange, over);
      // After the refusal of what needs no body: its client does not send it.
      if (isAsking) setImmediate(() => response.headersSent || response.writeContinue());
    } catch (error) {
      reportDefect('stream', error);
      response.destroy();
      over();
    }
  };
  const server = createServer(
    {
      headersTimeout: prefaceMs,
      requestTimeout: prefaceMs,
      connectionsCheckingInterval: Math.min(1_000, prefaceMs),
      keepAliveTimeout: idleMs, // Node's default is 5 s: a balancer that reuses the connection at that moment answers 502
      maxHeaderSize: 16_384,
    },
    (request, response) => receive({ request, response, isAsking: false }),
  );
  const receive = (received: Received) => {
    const { request, response } = received;
    const unsupported = unsupportedOf(request);
    if (unsupported !== undefined) {
      response.writeHead(unsupported, { connection: 'close' }).end();
      return;
    }
    open.add(response);
    if (leaving) sayLast(response);
    response.once('close', () => open.delete(response));
    for (const emitter of [request, response]) {
      confine(emitter, (error) => {
        reportDefect('stream', error);
        response.destroy();
      });
      emitter.on('error', () => {});
    }
    const line = lineOf(request.socket);
    line.last = request;
    oneAtATime(request.socket, line, (next) =>
      begin(received, line.connection, () => {
        line.idleSinceMs = clock.monotonicMs();
        next();
      }),
    );
  };
  server.on('checkContinue', (request, response) => receive({ request, response, isAsking: true }));
  server.maxHeadersCount = 0; // above a count Node silently drops headers, content-length too; maxHeaderSize bounds them
  server.requestTimeout = 0; // streams may be long; headers and requests of one message have their own limits
  server.on('connect', (_request, socket) => refuseSocket(socket as Socket, '405 Method Not Allowed')); // no proxy
  server.on('clientError', ({ code = '' }: NodeJS.ErrnoException, of) => {
    const socket = of as Socket;
    const refuse = () => refuseSocket(socket, refusals[code] ?? '400 Bad Request');
    if (lost.has(code)) return refuse();
    const line = lineOf(socket);
    line.connection.parts.report(code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'headers_timeout' : 'http_malformed');
    refuseAfterOthers(socket, line, refuse);
  });
  server.emit('listening'); // Node checks injected sockets for timeouts only if the server emits this (front-limits.test.ts guards it)
  return {
    server,
    leave: () => {
      leaving = true;
      for (const response of open) sayLast(response);
    },
  };
}

/** The status for a request that Node's parser lets through (RFC 9112, sections 2.3, 6.1 and 6.3). */
function unsupportedOf({ httpVersionMajor, headers }: IncomingMessage): number | undefined {
  if (httpVersionMajor !== 1) return 505;
  const coding = headers['transfer-encoding']?.toLowerCase() ?? 'chunked';
  if (coding === 'chunked') return undefined;
  return /[,\s]chunked$/.test(coding) ? 501 : 400;
}

/** Requests that may wait for the one before them: more than one read of the socket has of real ones. */
const waitingMax = 1_000;

/**
 * Runs the requests of one connection one after the other, each when the one before it is completely handled and its
 * answer has left. Nothing more is read while one waits.
 */
function oneAtATime(socket: Socket, line: Line, run: (next: () => void) => void): void {
  const start = () =>
    run(() => {
      const following = line.waiting.shift();
      line.busy = following !== undefined;
      if (line.waiting.length === 0) read(socket, true);
      if (socket.destroyed || socket.writableEnded) line.waiting.length = 0;
      else following?.();
    });
  if (line.busy) {
    if (line.waiting.length < waitingMax) line.waiting.push(start);
    else line.connection.cut('running_full');
    read(socket, false);
  } else {
    line.busy = true;
    // When an answer waits, Node pauses its parser, and then fails on the next TLS record (HPE_PAUSED). So what has
    // arrived is parsed first.
    setImmediate(start);
  }
}

/**
 * Whole requests before the malformed one are answered first: they may be writes that succeed. Not for a client that
 * has closed the connection, as Node does after whole requests.
 */
function refuseAfterOthers(socket: Socket, line: Line, refuse: () => void): void {
  if (line.isRefused) return;
  const isInBody = line.last?.complete === false;
  if (socket.readableEnded || !line.busy || (isInBody && line.waiting.length === 0)) return void refuse();
  line.isRefused = true;
  if (isInBody) line.waiting.pop();
  line.waiting.push(refuse);
  socket.once('end', refuse);
  drop(socket);
}

/** Most bytes that are read only to notice that the client disconnects. */
const droppedBytesMax = 1_048_576;

/** Drops what follows: without reading, nobody would notice that the client disconnects. */
function drop(socket: Socket): void {
  let bytes = 0;
  socket.removeAllListeners('data');
  // Node's parser lets go of the handle when somebody else listens.
  socket.on('data', ({ byteLength }: Buffer) => {
    bytes += byteLength;
    if (bytes > droppedBytesMax) read(socket, false);
  });
  socket.resume();
  read(socket, true);
}
