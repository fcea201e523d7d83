import { cors } from '@connectrpc/connect';
import type { NodeServerRequest, NodeServerResponse } from './connect-edge.ts';

/**
 * Lets pages of the named origins call (Fetch standard, "CORS protocol"); no origin is allowed by default.
 * @returns true when the request was a preflight and is answered
 */
export function applyCors(request: NodeServerRequest, response: NodeServerResponse, origins: readonly string[]): boolean {
  const { origin } = request.headers;
  const preflight = request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined;
  if (origin === undefined) return false;
  const allowed = origins.includes(origin);
  if (allowed) {
    response.setHeader('access-control-allow-origin', origin);
    response.setHeader('vary', 'origin');
    response.setHeader(
      'access-control-expose-headers',
      [...cors.exposedHeaders, 'portico-trace-id', 'portico-cache', 'portico-stale', 'portico-not-modified', 'etag'].join(', '),
    );
  }
  if (!preflight) return false;
  if (allowed) {
    response.setHeader('access-control-allow-methods', cors.allowedMethods.join(', '));
    response.setHeader(
      'access-control-allow-headers',
      [
        ...cors.allowedHeaders,
        'authorization',
        'accept-language',
        'if-none-match',
        'app-platform',
        'app-version',
        'idempotency-key',
        'traceparent',
      ].join(', '),
    );
    response.setHeader('access-control-max-age', '7200');
  }
  response.writeHead(allowed ? 204 : 403);
  response.end();
  return true;
}
