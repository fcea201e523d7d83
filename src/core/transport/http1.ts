import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Edge } from './edge.ts';
import { fence } from './fence.ts';
import type { FrontOptions, FrontTimers } from './front-options.ts';
import { Http1Exchange } from './http1-exchange.ts';
import { peerOf } from './peer.ts';
import { refuse } from './refuse.ts';
import type { RequestTimes } from './request-times.ts';

/** The response to malformed HTTP, after which Node closes the connection. */
const refusals: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

export type Http1 = {
  readonly server: Server;
  /** From now on every answer closes its connection. */
  leave(): void;
};

/**
 * Requests of one connection that wait for the one before them: a client may send many at once (RFC 9112, section
 * 9.3.2).
 */
type Line = { busy: boolean; readonly waiting: (() => void)[] };

/** The HTTP/1.1 server. It never listens: the front passes connections to it. */
export function createHttp1(
  { reportDefect }: Pick<FrontOptions, 'reportDefect'>,
  { prefaceMs, idleMs }: FrontTimers,
  times: RequestTimes,
  serve: Edge,
): Http1 {
  const open = new Set<ServerResponse>();
  const lines = new WeakMap<Socket, Line>();
  let leaving = false;
  const sayLast = (response: ServerResponse) => {
    if (!response.headersSent) response.setHeader('connection', 'close');
  };
  const begin = (request: IncomingMessage, response: ServerResponse, next: () => void) => {
    const failed = (error: unknown) => {
      reportDefect('stream', error);
      response.destroy();
    };
    try {
      serve(new Http1Exchange(request, response, peerOf(request.socket), times), next);
    } catch (error) {
      failed(error);
      next();
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
    (request, response) => {
      open.add(response);
      if (leaving) sayLast(response);
      response.once('close', () => open.delete(response));
      for (const emitter of [request, response]) {
        fence(emitter, (error) => {
          reportDefect('stream', error);
          response.destroy();
        });
        emitter.on('error', () => {});
      }
      oneAtATime(request.socket, lines, (next) => begin(request, response, next));
    },
  );
  server.maxHeadersCount = 0; // above a count Node silently drops headers, content-length too; maxHeaderSize bounds them
  server.requestTimeout = 0; // streams may be long; headers and requests of one message have their own limits
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => refuse(socket as Socket, refusals[error.code ?? ''] ?? '400 Bad Request'));
  server.emit('listening'); // Node checks injected sockets for timeouts only if the server emits this (front-limits.test.ts guards it)
  return {
    server,
    leave: () => {
      leaving = true;
      for (const response of open) sayLast(response);
    },
  };
}

/**
 * Runs the requests of one connection one after the other, each when the one before it is completely handled. Nothing
 * more is read while one waits.
 */
function oneAtATime(socket: Socket, lines: WeakMap<Socket, Line>, run: (next: () => void) => void): void {
  const line = lines.get(socket) ?? { busy: false, waiting: [] };
  lines.set(socket, line);
  let isDone = false;
  const start = () => {
    line.busy = true;
    run(() => {
      if (isDone) return;
      isDone = true;
      line.busy = false;
      const following = line.waiting.shift();
      if (line.waiting.length === 0) socket.resume();
      if (socket.destroyed) line.waiting.length = 0;
      else following?.();
    });
  };
  if (line.busy) {
    line.waiting.push(start);
    socket.pause();
  } else start();
}
