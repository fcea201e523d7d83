import { parseDurationMs } from '../kit/duration.ts';

/** Notes something wrong with a policy. `path` leads from the policy to it, by numbers of fields and indexes of lists. */
export type Say = (path: readonly number[], message: string) => void;

/** @returns milliseconds of a duration; what is wrong with it is said, and the least allowed returned */
export function durationBetween(text: string, name: string, leastMs: number, mostMs: number, path: readonly number[], say: Say): number {
  const ms = parseDurationMs(text);
  if (ms !== undefined && ms >= leastMs && ms <= mostMs) return ms;
  const range = `from ${words(leastMs)} to ${words(mostMs)}`;
  if (ms === undefined) say(path, `${name} "${text}" is not a duration. Write a number with ms, s, m or h, such as "800ms": ${range}.`);
  else say(path, `${name} "${text}" is out of range: ${range} is allowed.`);
  return leastMs;
}

function words(ms: number): string {
  if (ms % 3_600_000 === 0) return `${ms / 3_600_000}h`;
  if (ms % 60_000 === 0) return `${ms / 60_000}m`;
  return ms % 1_000 === 0 ? `${ms / 1_000}s` : `${ms}ms`;
}

/** Metadata keys of the gRPC wire format; what the front strips or owns can be named by no policy. */
const metadataKey = /^[a-z0-9.-]+$/;
const reserved = /^(portico-|x-portico-|x-forwarded-|grpc-|connect-|forwarded$|authorization$|cookie$|te$|content-type$|user-agent$|host$)/;

/** @returns what is wrong with a metadata key in a policy, or undefined */
export function wrongKey(key: string): string | undefined {
  if (!metadataKey.test(key)) return `"${key}" is not a metadata key: lower-case letters, digits, "-" and "." are allowed.`;
  if (reserved.test(key)) return `"${key}" cannot be named here: credentials, hop-by-hop metadata and the door's own never reach a handler.`;
  if (key.endsWith('-bin')) return `"${key}" is binary metadata, which is not supported here.`;
  return undefined;
}
