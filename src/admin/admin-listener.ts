import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Answers a request with a text. */
export type SendText = (status: number, body: string, contentType?: string) => void;

export type OperatorsListener = { readonly port: number; close(): Promise<void> };

/** Loopback names that a page of another site cannot claim by DNS rebinding. */
const loopbackHost = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/;

/**
 * Opens the plain HTTP listener for operators. Pages of other sites are refused, and no answer is kept by a cache.
 * @param port 0 takes a free one
 */
export async function listenForOperators(
  { host, port }: { readonly host: string; readonly port: number },
  answer: (request: IncomingMessage, send: SendText) => void,
): Promise<OperatorsListener> {
  const server = createServer({ headersTimeout: 10_000, requestTimeout: 10_000, connectionsCheckingInterval: 1_000 }, (request, response) => {
    const send: SendText = (status, body, contentType = 'text/plain; charset=utf-8') => {
      response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
      response.end(body);
    };
    const foreign = refusalOfForeign(request);
    if (foreign !== undefined) send(...foreign);
    else answer(request, send);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host, exclusive: true }, resolve); // of several workers each has its own
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** What a request of a page is refused with. */
function refusalOfForeign({ socket, headers }: IncomingMessage): readonly [status: number, text: string] | undefined {
  const isLocal = socket.localAddress === '127.0.0.1' || socket.localAddress === '::1' || socket.localAddress === '::ffff:127.0.0.1';
  if (isLocal && !loopbackHost.test(headers.host ?? '')) return [403, 'On loopback the Host must be localhost, 127.0.0.1 or [::1].\n'];
  return headers.origin === undefined ? undefined : [403, 'Pages of other sites may not read this.\n'];
}
