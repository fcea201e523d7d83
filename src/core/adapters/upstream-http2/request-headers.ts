import type { OutgoingHttpHeaders } from 'node:http2';
import type { UpstreamCall } from '../../ports/upstream-transport.ts';

/** At most eight digits (gRPC over HTTP/2, "TimeoutValue"). */
const timeoutMax = 99_999_999;

/** @param leftMs of the deadline; undefined: none */
export function requestHeaders({ path, metadata }: UpstreamCall, base: OutgoingHttpHeaders, leftMs: number | undefined): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = { ...base, ':path': path };
  if (leftMs !== undefined) headers['grpc-timeout'] = leftMs <= timeoutMax ? `${leftMs}m` : `${Math.min(Math.floor(leftMs / 1_000), timeoutMax)}S`;
  for (const [key, value] of metadata) {
    const text = typeof value === 'string' ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
    const before = headers[key];
    headers[key] = before === undefined ? text : Array.isArray(before) ? [...before, text] : [String(before), text];
  }
  return headers;
}

/** The constant headers of every call to an upstream. */
export function baseHeaders(authority: string, secure: boolean): OutgoingHttpHeaders {
  return {
    ':method': 'POST',
    ':scheme': secure ? 'https' : 'http',
    ':authority': authority,
    'content-type': 'application/grpc',
    te: 'trailers',
    'user-agent': 'portico',
    'grpc-accept-encoding': 'gzip',
  };
}
