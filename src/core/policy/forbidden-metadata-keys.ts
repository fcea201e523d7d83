/** Metadata keys of the gRPC wire format; a policy cannot name keys that the front removes or owns. */
const metadataKey = /^[a-z0-9.-]+$/;
const reserved =
  /^(portico-|x-portico-|x-forwarded-|grpc-|connect-|proxy-|endpoint-load-metrics|(forwarded|lb-token|authorization|cookie|te|trailer|connection|keep-alive|upgrade|transfer-encoding|accept-encoding|content-type|content-length|content-encoding|user-agent|host|traceparent|tracestate|baggage)$)/;

/** @returns the error of a metadata key in a policy, or undefined */
export function wrongKey(key: string): string | undefined {
  if (!metadataKey.test(key)) return `"${key}" is not a metadata key: lower-case letters, digits, "-" and "." are allowed.`;
  if (reserved.test(key))
    return `"${key}" cannot be named here: credentials, the trace, and what belongs to a connection or to the server never reach a handler.`;
  return undefined;
}

/**
 * Headers of an answer that only the server sets: of caching, of CORS and a browser's safety, of redirects and
 * sessions, of the connection, and those by which an answer commands a proxy before this server.
 */
const ours =
  /^(access-control-|cross-origin-|content-|sec-|strict-transport-|surrogate-|x-accel-|x-content-type-options|x-envoy-|x-frame-options|x-sendfile|x-xss-protection|(accept-ranges|age|alt-svc|cache-control|cdn-cache-control|clear-site-data|date|etag|expires|last-modified|link|location|nel|origin|origin-agent-cluster|permissions-policy|pragma|proxy-authenticate|referrer-policy|refresh|report-to|reporting-endpoints|server|set-cookie2?|timing-allow-origin|upgrade|vary|via|warning|www-authenticate)$)/;

/** @returns the error of an answer's metadata key in a policy, or undefined */
export function wrongAnswerKey(key: string): string | undefined {
  const text = key.endsWith('-bin') ? key.slice(0, -'-bin'.length) : key;
  if (metadataKey.test(key) && (ours.test(text) || reserved.test(text)))
    return `"${key}" cannot be named here: caching, CORS, credentials and what belongs to a connection are always the server's own.`;
  return text === '' ? `"${key}" has no name before "-bin".` : wrongKey(text);
}
