import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Pages } from '../transport/http-pages.ts';
import { answerSwitches, type Switches } from './answer-switches.ts';
import type { Probes } from './readiness.ts';

export type AdminOptions = {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly probes: Probes;
  readonly metrics: () => Promise<string>;
  readonly pages: Pages;
  /** What can be changed while the server runs. */
  readonly switches: Switches;
};

/** Loopback names that a page of another site cannot claim by DNS rebinding. */
const loopbackHost = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/;

/** What a request of a page is refused with. */
export function refusalOfForeign({ socket, headers }: IncomingMessage): readonly [status: number, text: string] | undefined {
  const isLocal = socket.localAddress === '127.0.0.1' || socket.localAddress === '::1' || socket.localAddress === '::ffff:127.0.0.1';
  if (isLocal && !loopbackHost.test(headers.host ?? '')) return [403, 'On loopback the Host must be localhost, 127.0.0.1 or [::1].\n'];
  return headers.origin === undefined ? undefined : [403, 'Pages of other sites may not read this.\n'];
}

/**
 * The plain HTTP listener for operators: probes, metrics, published keys, and switches, which only a process of the
 * same machine or pod changes.
 */
export async function openAdmin({
  host,
  port,
  probes,
  metrics,
  pages,
  switches,
}: AdminOptions): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server = createServer({ headersTimeout: 10_000, requestTimeout: 10_000, connectionsCheckingInterval: 1_000 }, (request, response) => {
    const send = (status: number, body: string, contentType = 'text/plain; charset=utf-8') => {
      response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
      response.end(body);
    };
    const path = request.url?.split('?', 2)[0] ?? '';
    const foreign = refusalOfForeign(request);
    if (foreign !== undefined) return send(...foreign);
    if (path === '/switches') return answerSwitches(request, switches, send);
    if (request.method !== 'GET' && request.method !== 'HEAD') return send(405, 'GET and HEAD are allowed.\n');
    if (Object.hasOwn(probes, path)) {
      const { ok, lines } = probes[path as keyof typeof probes]();
      return send(ok ? 200 : 503, `${[ok ? 'ok' : 'not ok', ...lines].join('\n')}\n`);
    }
    if (path === '/metrics') {
      metrics().then(
        (text) => send(200, text, 'text/plain; version=0.0.4; charset=utf-8'),
        () => send(500, 'The metrics could not be collected.\n'),
      );
      return;
    }
    const page = pages[path]?.();
    if (page !== undefined) return send(200, page.body, page.contentType);
    send(404, `Here are: ${[...Object.keys(probes), '/metrics', '/switches', ...Object.keys(pages)].join(', ')}\n`);
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
