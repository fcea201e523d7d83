import { type StatusName, statusCodes } from '../kit/reasons.ts';
import type { UpstreamEnd } from '../ports/upstream-transport.ts';
import { codeOf, faultOfUpstream } from '../upstreams/http-and-transport-failures.ts';
import { UpstreamError } from './upstream-errors.ts';

/** For tests: an internal service that cannot be reached. A part that calls it is missing with `UPSTREAM_DOWN`. */
export const upstreamDown = <Client extends object>(upstream: string): Client => upstreamFails(upstream, 'UNAVAILABLE');

/** For tests: an internal service that answers too late. A part that calls it is missing with `UPSTREAM_TIMEOUT`. */
export const upstreamTimeout = <Client extends object>(upstream: string): Client => upstreamFails(upstream, 'DEADLINE_EXCEEDED');

/**
 * For tests: an internal service that ends every call with an error, as the server reports it to a screen. The type is
 * that of the place it is written to: `{ ...upstreams, orders: upstreamFails('orders', 'NOT_FOUND') }`.
 * @param upstream its name in the settings
 * @param status of every method, unary or streaming
 * @param message the upstream's text
 */
export function upstreamFails<Client extends object>(upstream: string, status: Exclude<StatusName, 'OK'>, message = `${upstream} fails`): Client {
  const end: UpstreamEnd = {
    by: 'upstream',
    code: statusCodes[status],
    message,
    details: undefined,
    trailers: { getAll: () => [] },
    peer: undefined,
  };
  const fail = () => failedCall(new UpstreamError(codeOf(end), message, faultOfUpstream(upstream, end)));
  return new Proxy({} as Client, { get: (_, name) => (typeof name === 'symbol' || name === 'then' ? undefined : fail) });
}

/** Fails whichever way it is read: a unary call is awaited, a stream is iterated. */
function failedCall(error: UpstreamError) {
  const answer = Promise.reject(error);
  answer.catch(() => {}); // a stream is iterated instead, and its rejection would end the process
  return Object.assign(answer, { [Symbol.asyncIterator]: () => ({ next: () => answer }) });
}
