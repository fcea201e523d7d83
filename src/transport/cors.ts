import type { OutgoingHttpHeaders } from 'node:http';
import { cors as ofProtocols } from '@connectrpc/connect';
import type { MethodPlan } from '../core/kit/method-plan.ts';
import type { Exchange } from './exchange.ts';
import { alsoVary } from './protocols/metadata-to-headers.ts';

/** The rights of pages of other origins (Fetch standard, "CORS protocol"). */
export type Cors = {
  /**
   * Allows a page of a configured origin to read the response.
   * @returns true when the request was a preflight and is answered
   */
  apply(exchange: Exchange): boolean;
};

/** Headers that clients of every method may send and read. */
const always = {
  sent: [
    'authorization',
    'accept-language',
    'if-none-match',
    'app-platform',
    'app-version',
    'idempotency-key',
    'traceparent',
    'tracestate',
    'range',
    'if-range',
    'content-range',
  ],
  read: ['portico-trace-id', 'portico-cache', 'portico-stale', 'portico-not-modified', 'etag'],
};

/** How long browsers may cache a preflight. Seconds: the maximum of Chrome. */
const maxAgeS = 7_200;

/**
 * No origin is allowed by default. A page may send the metadata that a method's policy names in `vary` and
 * `forward.metadata`, and what the protocols need. It may read all headers of its answer: of a forwarded method's those
 * that `forward.answer_metadata` lets pass.
 */
export function corsOf(origins: readonly string[], plans: Iterable<MethodPlan>): Cors {
  const named = [...plans].flatMap(({ cache, forward }) => [...(cache?.vary ?? []), ...(forward?.metadata ?? [])]);
  const allowHeaders = [...new Set([...ofProtocols.allowedHeaders.map((name) => name.toLowerCase()), ...always.sent, ...named])].join(', ');
  const exposeHeaders = [...ofProtocols.exposedHeaders, ...always.read];
  return {
    apply: (exchange) => {
      const { origin, 'access-control-request-method': requested } = exchange.headers;
      if (origin === undefined) return false;
      const isAllowed = origins.includes(origin);
      if (isAllowed)
        exchange.also = (headers) => {
          headers['access-control-expose-headers'] = [
            ...new Set([...exposeHeaders, ...Object.keys(headers).filter((key) => !key.startsWith(':'))]),
          ].join(', ');
          headers['access-control-allow-origin'] = origin;
          alsoVary(headers, 'origin');
        };
      if (exchange.method !== 'OPTIONS' || requested === undefined) return false;
      const headers: OutgoingHttpHeaders = isAllowed
        ? {
            'access-control-allow-methods': [...ofProtocols.allowedMethods, 'PUT', 'HEAD'].join(', '),
            'access-control-allow-headers': allowHeaders,
            'access-control-max-age': String(maxAgeS),
          }
        : {};
      exchange.respond(isAllowed ? 204 : 403, headers, { only: true });
      return true;
    },
  };
}
