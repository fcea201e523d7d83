import type { OutgoingHttpHeaders } from 'node:http';
import { cors as ofProtocols } from '@connectrpc/connect';
import type { MethodPlan } from '../kit/plan.ts';
import { alsoVary } from './answer-headers.ts';
import type { Exchange } from './exchange.ts';

/** What pages of other origins may do (Fetch standard, "CORS protocol"). */
export type Cors = {
  /**
   * Says with whatever is answered that a page of a named origin may read it.
   * @returns true when the request was a preflight and is answered
   */
  apply(exchange: Exchange): boolean;
};

/** What clients of every method may send and read. */
const always = {
  sent: ['authorization', 'accept-language', 'if-none-match', 'app-platform', 'app-version', 'idempotency-key', 'traceparent'],
  read: ['portico-trace-id', 'portico-cache', 'portico-stale', 'portico-not-modified', 'etag'],
};

/** How long browsers may keep the answer of a preflight. Seconds: Chrome's most. */
const maxAgeS = 7_200;

/**
 * No origin is allowed by default. What a method's policy reads beyond the usual metadata, a page may send: what it names in `vary` and `forward.metadata`. Answers of forwarded
 * methods may carry metadata of any name, so a page may read what its answer has.
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
            'access-control-allow-methods': ofProtocols.allowedMethods.join(', '),
            'access-control-allow-headers': allowHeaders,
            'access-control-max-age': String(maxAgeS),
          }
        : {};
      exchange.respond(isAllowed ? 204 : 403, headers, { only: true });
      return true;
    },
  };
}
