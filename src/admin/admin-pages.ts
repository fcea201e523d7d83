import type { Pages } from '../transport/http-pages.ts';
import { listenForOperators, type OperatorsListener } from './admin-listener.ts';
import type { Probes } from './readiness.ts';
import { answerSwitches, type Switches } from './runtime-switches.ts';

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

/**
 * The plain HTTP listener for operators: probes, metrics, published keys, and switches, which only a process of the
 * same machine or pod changes.
 */
export function openAdmin({ host, port, probes, metrics, pages, switches }: AdminOptions): Promise<OperatorsListener> {
  return listenForOperators({ host, port }, (request, send) => {
    const path = request.url?.split('?', 2)[0] ?? '';
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
}
