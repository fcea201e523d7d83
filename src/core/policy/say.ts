import { durationText, parseDurationMs } from '../kit/duration.ts';

/** Notes something wrong with a policy. `path` leads from the policy to it, by numbers of fields and indexes of lists. */
export type Say = (path: readonly number[], message: string) => void;

/** @returns milliseconds of a duration; what is wrong with it is said, and the least allowed returned */
export function durationBetween(text: string, name: string, leastMs: number, mostMs: number, path: readonly number[], say: Say): number {
  const ms = parseDurationMs(text);
  if (ms !== undefined && ms >= leastMs && ms <= mostMs) return ms;
  const range = `from ${durationText(leastMs)} to ${durationText(mostMs)}`;
  if (ms === undefined) say(path, `${name} "${text}" is not a duration. Write a number with ms, s, m or h, such as "800ms": ${range}.`);
  else say(path, `${name} "${text}" is out of range: ${range} is allowed.`);
  return leastMs;
}

/** Says each entry of a list that stood in it before. */
export function sayTwice(entries: readonly string[], what: string, path: readonly number[], say: Say): void {
  for (const [i, entry] of entries.entries()) if (entries.indexOf(entry) !== i) say([...path, i], `${what} "${entry}" stands twice.`);
}

/** Metadata keys of the gRPC wire format; what the front strips or owns can be named by no policy. */
const metadataKey = /^[a-z0-9.-]+$/;
const reserved =
  /^(portico-|x-portico-|x-forwarded-|grpc-|connect-|proxy-|endpoint-load-metrics|(forwarded|lb-token|authorization|cookie|te|trailer|connection|keep-alive|upgrade|transfer-encoding|accept-encoding|content-type|content-length|content-encoding|user-agent|host|traceparent|tracestate|baggage)$)/;

/** @returns what is wrong with a metadata key in a policy, or undefined */
export function wrongKey(key: string): string | undefined {
  if (!metadataKey.test(key)) return `"${key}" is not a metadata key: lower-case letters, digits, "-" and "." are allowed.`;
  if (reserved.test(key))
    return `"${key}" cannot be named here: credentials, the trace, and what belongs to a connection or to the server never reach a handler.`;
  if (key.endsWith('-bin')) return `"${key}" is binary metadata, which is not supported here.`;
  return undefined;
}
