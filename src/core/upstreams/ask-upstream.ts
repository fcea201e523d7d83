import type { CallContext, UpstreamMethod, Upstreams } from './upstreams.ts';

/**
 * One request whose answer the server itself reads. Rejects only with the reason of the context's own signal.
 * @param decode throws for what no answer can be
 * @returns undefined: no answer, or one that cannot be decoded. Both are logged with the failures of all upstreams.
 */
export async function askUpstream<T>(
  upstreams: Pick<Upstreams, 'unary' | 'garbage'>,
  { upstream, path }: Pick<UpstreamMethod, 'upstream' | 'path'>,
  { request, decode }: { readonly request: Uint8Array; readonly decode: (body: Uint8Array) => T },
  context: CallContext,
): Promise<T | undefined> {
  const { body } = await upstreams.unary({ upstream, path, keys: [] }, request, context);
  if (body === undefined) return undefined;
  try {
    return decode(body);
  } catch (cause) {
    upstreams.garbage(upstream, path, context, cause); // logged there
    return undefined;
  }
}
