import { createServer, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { NodeServerResponse } from './connect-edge.ts';
import type { FrontOptions, FrontTimers } from './front-options.ts';
import { peerOf } from './peer.ts';
import type { RequestTimes } from './request-times.ts';
import { serveHttp } from './serve-http.ts';

/** What a client hears whose request HTTP itself cannot read: Node closes the connection after it. */
const refusals: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

export type Http1 = {
  readonly server: Server;
  /** From now on every answer is the last one of its connection. */
  leave(): void;
};

/** The HTTP/1.1 server. It never listens: the front hands it its connections. */
export function createHttp1(options: FrontOptions, { prefaceMs }: FrontTimers, times: RequestTimes): Http1 {
  const open = new Set<ServerResponse>();
  let leaving = false;
  const sayLast = (response: ServerResponse) => {
    if (!response.headersSent) response.setHeader('connection', 'close');
  };
  const server = createServer(
    { headersTimeout: prefaceMs, requestTimeout: prefaceMs, connectionsCheckingInterval: Math.min(1_000, prefaceMs), maxHeaderSize: 16_384 },
    (request, response) => {
      open.add(response);
      if (leaving) sayLast(response);
      const forget = times.watch(request.url ?? '', { isWhole: () => request.complete, end: () => refuse(request.socket, '408 Request Timeout') });
      response.once('close', () => {
        open.delete(response);
        forget();
      });
      serveHttp(options, request, response as unknown as NodeServerResponse, peerOf(request.socket));
    },
  );
  server.maxHeadersCount = 64;
  server.requestTimeout = 0; // streams may be long; headers, and requests of one message, have their own limit
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => refuse(socket as Socket, refusals[error.code ?? ''] ?? '400 Bad Request'));
  server.emit('listening'); // injected sockets are checked for time-outs only by a server that thinks it listens (front-limits.test.ts guards it)
  return {
    server,
    leave: () => {
      leaving = true;
      for (const response of open) sayLast(response);
    },
  };
}

function refuse(socket: Socket, status: string): void {
  if (socket.writable && socket.bytesWritten === 0) socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
  socket.destroySoon();
}
