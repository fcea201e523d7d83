import type { Cors } from './cors.ts';
import type { Exchange } from './exchange.ts';
import type { Edge } from './exchange-to-call.ts';

/** A page with a fixed path, such as the published keys. */
export type Page = { readonly contentType: string; readonly body: string; readonly cacheControl?: string };
/** Pages by path, made anew at each request. */
export type Pages = Readonly<Record<string, () => Page>>;

/** Serves one exchange of either HTTP version: a preflight, a page, or a call. */
export function withPages({ pages, cors }: { readonly pages: Pages; readonly cors: Cors }, edge: Edge): Edge {
  return (exchange, handled) => {
    if (cors.apply(exchange) || sendOptions(exchange) || sendPage(pages, exchange)) handled();
    else edge(exchange, handled);
  };
}

/** `OPTIONS *` asks about the server as a whole (RFC 9110, section 9.3.7). @returns false: it was not asked */
function sendOptions(exchange: Exchange): boolean {
  const isAsked = exchange.method === 'OPTIONS' && exchange.path === '*';
  if (isAsked) exchange.respond(204, { allow: 'GET, HEAD, POST, OPTIONS' }, { only: true });
  return isAsked;
}

/** @returns false: there is no page of that path */
function sendPage(pages: Pages, exchange: Exchange): boolean {
  const { method, path } = exchange;
  if ((method !== 'GET' && method !== 'HEAD') || !Object.hasOwn(pages, path)) return false;
  const page = pages[path]?.();
  if (page === undefined) return false;
  const { contentType, body, cacheControl = 'no-cache' } = page;
  const headers = { 'content-type': contentType, 'cache-control': cacheControl };
  exchange.respond(200, headers, { only: method === 'HEAD' });
  if (method === 'GET') exchange.end(Buffer.from(body));
  return true;
}
