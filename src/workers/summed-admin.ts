import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { refusalOfChange } from '../admin/answer-switches.ts';
import { refusalOfForeign } from '../admin/open-admin.ts';
import { sumMetrics } from './sum-metrics.ts';
import type { WorkerPool } from './worker-pool.ts';

export type SummedAdminParts = {
  readonly host: string;
  readonly port: number;
  readonly pool: Pick<WorkerPool, 'workers' | 'replaced'>;
  readonly isDraining: () => boolean;
};

type Asked = { readonly status: number; readonly body: string; readonly contentType: string };
const timeoutMs = 2_000;
const bodyBytesMax = 4_096;

/**
 * The admin listener of all workers: metrics are summed, a probe says yes when a worker does, a switch is changed at
 * all of them, and pages are those of any. Calls at a worker that was just replaced wait until its database is open.
 */
export async function openSummedAdmin({
  host,
  port,
  pool,
  isDraining,
}: SummedAdminParts): Promise<{ readonly port: number; close(): Promise<void> }> {
  const ask = async (adminPort: number, path: string, init: RequestInit = {}): Promise<Asked> => {
    const response = await fetch(`http://127.0.0.1:${adminPort}${path}`, { ...init, signal: AbortSignal.timeout(timeoutMs) });
    return { status: response.status, body: await response.text(), contentType: response.headers.get('content-type') ?? 'text/plain' };
  };
  /** A worker that dies while it is asked is one of those that are being replaced. */
  const askAll = async (path: string, init?: RequestInit): Promise<readonly Asked[]> => {
    const answers = await Promise.allSettled(pool.workers().map(({ adminPort }) => ask(adminPort, path, init)));
    return answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  };
  const answer = async (request: IncomingMessage): Promise<Asked> => {
    const { url = '/', method = 'GET' } = request;
    const path = url.split('?', 2)[0] ?? '/';
    if (path === '/switches' && method === 'PUT') {
      const refused = refusalOfChange(request);
      if (refused !== undefined) return text(...refused);
      const body = await bodyOf(request);
      if (body === undefined) return text(400, `The body may have ${bodyBytesMax} bytes.\n`);
      const changed = await askAll(path, { method, body, headers: { 'content-type': 'application/json' } });
      return changed.find(({ status }) => status !== 200) ?? changed[0] ?? nobody;
    }
    if (method !== 'GET' && method !== 'HEAD') return text(405, 'GET and HEAD are allowed.\n');
    if (path === '/livez') return text(200, 'ok\n');
    if (path === '/readyz' && isDraining()) return text(503, 'not ok\nthe server is draining\n');
    const answers = await askAll(url);
    if (path === '/metrics')
      return { ...(answers[0] ?? nobody), body: sumMetrics([...answers.map(({ body }) => body), ofPool(answers.length, pool.replaced)]) };
    return answers.find(({ status }) => status === 200) ?? answers[0] ?? nobody;
  };
  const server = createServer({ headersTimeout: 10_000, requestTimeout: 10_000, connectionsCheckingInterval: 1_000 }, (request, response) => {
    const send = ({ status, body, contentType }: Asked) => {
      response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
      response.end(body);
    };
    const foreign = refusalOfForeign(request);
    if (foreign !== undefined) send(text(...foreign));
    else answer(request).then(send, () => send(text(500, 'The workers could not be asked.\n')));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
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

function text(status: number, body: string): Asked {
  return { status, body, contentType: 'text/plain; charset=utf-8' };
}

const nobody = text(503, 'not ok\nno worker listens\n');

/** Undefined: it is too large. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes > bodyBytesMax) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function ofPool(workers: number, replaced: number): string {
  return [
    '# HELP portico_workers Worker processes that answer.',
    '# TYPE portico_workers gauge',
    `portico_workers ${workers}`,
    '# HELP portico_workers_replaced_total Workers that died and were replaced.',
    '# TYPE portico_workers_replaced_total counter',
    `portico_workers_replaced_total ${replaced}`,
    '',
  ].join('\n');
}
