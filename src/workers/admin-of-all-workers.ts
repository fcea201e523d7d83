import type { IncomingMessage } from 'node:http';
import { listenForOperators, type OperatorsListener } from '../admin/admin-listener.ts';
import { bodyTooLarge, readBody, refusalOfChange } from '../admin/runtime-switches.ts';
import { sumMetrics } from './sum-metrics.ts';
import type { Listening } from './worker-link.ts';
import type { WorkerPool } from './worker-pool.ts';

export type SummedAdminParts = {
  readonly host: string;
  readonly port: number;
  readonly pool: Pick<WorkerPool, 'workers' | 'replaced' | 'onListening'>;
  readonly isDraining: () => boolean;
};

type Asked = { readonly status: number; readonly body: string; readonly contentType: string };
const timeoutMs = 2_000;

/**
 * The admin listener of all workers: metrics are summed, a probe says yes when a worker does, a switch is changed at
 * all of them, also at those that come later, and pages are those of any. Calls at a worker that was just replaced wait
 * until its database is open.
 */
export function openSummedAdmin({ host, port, pool, isDraining }: SummedAdminParts): Promise<OperatorsListener> {
  const ask = async (adminPort: number, path: string, init: RequestInit = {}): Promise<Asked> => {
    const response = await fetch(`http://127.0.0.1:${adminPort}${path}`, { ...init, signal: AbortSignal.timeout(timeoutMs) });
    return { status: response.status, body: await response.text(), contentType: response.headers.get('content-type') ?? 'text/plain' };
  };
  /** A worker that dies while it is asked is one of those that are being replaced. */
  const askThese = async (workers: readonly Listening[], path: string, init?: RequestInit): Promise<readonly Asked[]> => {
    const answers = await Promise.allSettled(workers.map(({ adminPort }) => ask(adminPort, path, init)));
    return answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  };
  /** What was changed so far: a replaced worker begins with the settings. */
  let changes: Readonly<Record<string, unknown>> = {};
  const change = (body: string, at: readonly Listening[]) =>
    askThese(at, '/switches', { method: 'PUT', body, headers: { 'content-type': 'application/json' } });
  pool.onListening((worker) => {
    if (Object.keys(changes).length > 0) void change(JSON.stringify(changes), [worker]);
  });
  const changeAll = async (body: string): Promise<Asked> => {
    const at = pool.workers();
    const answers = await change(body, at);
    const refused = answers.find(({ status }) => status !== 200);
    if (refused !== undefined) return refused;
    changes = { ...changes, ...(JSON.parse(body) as typeof changes) };
    await change(
      body,
      pool.workers().filter((worker) => !at.includes(worker)),
    );
    return answers[0] ?? nobody;
  };
  const answer = async (request: IncomingMessage): Promise<Asked> => {
    const { url = '/', method = 'GET' } = request;
    const path = url.split('?', 2)[0] ?? '/';
    if (path === '/switches' && method === 'PUT') {
      const refused = refusalOfChange(request);
      if (refused !== undefined) return text(...refused);
      const body = await new Promise<string | undefined>((resolve) => readBody(request, resolve));
      if (body === undefined) return text(400, `${bodyTooLarge}\n`);
      return changeAll(body);
    }
    if (method !== 'GET' && method !== 'HEAD') return text(405, 'GET and HEAD are allowed.\n');
    if (path === '/livez') return text(200, 'ok\n');
    if (path === '/readyz' && isDraining()) return text(503, 'not ok\nthe server is draining\n');
    const answers = await askThese(pool.workers(), url);
    if (path === '/metrics')
      return { ...(answers[0] ?? nobody), body: sumMetrics([...answers.map(({ body }) => body), ofPool(answers.length, pool.replaced)]) };
    return answers.find(({ status }) => status === 200) ?? answers[0] ?? nobody;
  };
  return listenForOperators({ host, port }, (request, send) => {
    answer(request).then(
      ({ status, body, contentType }) => send(status, body, contentType),
      () => send(500, 'The workers could not be asked.\n'),
    );
  });
}

function text(status: number, body: string): Asked {
  return { status, body, contentType: 'text/plain; charset=utf-8' };
}

const nobody = text(503, 'not ok\nno worker listens\n');

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
