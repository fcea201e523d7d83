import { durationText, parseDurationMs } from '../kit/duration.ts';
import type { PolicyPath } from './policy-path.ts';

/** Records an error of a policy. */
export type Say = (path: PolicyPath, message: string) => void;

/** @returns milliseconds of a duration. An error is reported, and the minimum returned */
export function durationBetween(
  text: string,
  { leastMs, mostMs }: { readonly leastMs: number; readonly mostMs: number },
  path: PolicyPath,
  say: Say,
): number {
  const name = protoName(path);
  const ms = parseDurationMs(text);
  if (ms !== undefined && ms >= leastMs && ms <= mostMs) return ms;
  const range = `from ${durationText(leastMs)} to ${durationText(mostMs)}`;
  if (ms === undefined) say(path, `${name} "${text}" is not a duration. Write a number with ms, s, m or h, such as "800ms": ${range}.`);
  else say(path, `${name} "${text}" is out of range: ${range} is allowed.`);
  return leastMs;
}

/** The last field of a path as in a .proto file: "cache.staleIfError" is "stale_if_error". */
function protoName(path: PolicyPath): string {
  return path.slice(path.lastIndexOf('.') + 1).replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The lists of a policy. */
type ListPath = Exclude<{ [P in PolicyPath]: `${P}[${number}]` extends PolicyPath ? P : never }[PolicyPath], ''>;

/** Reports each duplicate entry of a list. */
export function sayTwice(entries: readonly string[], what: string, list: ListPath, say: Say): void {
  for (const [i, entry] of entries.entries()) if (entries.indexOf(entry) !== i) say(`${list}[${i}]`, `${what} "${entry}" stands twice.`);
}

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
 * sessions, and of the connection.
 */
const ours =
  /^(access-control-|cross-origin-|content-|sec-|strict-transport-|x-content-type-options|x-frame-options|(age|alt-svc|cache-control|clear-site-data|date|etag|expires|last-modified|link|location|origin|origin-agent-cluster|permissions-policy|pragma|proxy-authenticate|referrer-policy|refresh|server|set-cookie|timing-allow-origin|upgrade|vary|via|warning|www-authenticate)$)/;

/** @returns the error of an answer's metadata key in a policy, or undefined */
export function wrongAnswerKey(key: string): string | undefined {
  const text = key.endsWith('-bin') ? key.slice(0, -'-bin'.length) : key;
  if (metadataKey.test(key) && (ours.test(text) || reserved.test(text)))
    return `"${key}" cannot be named here: caching, CORS, credentials and what belongs to a connection are always the server's own.`;
  return text === '' ? `"${key}" has no name before "-bin".` : wrongKey(text);
}
