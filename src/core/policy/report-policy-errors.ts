import { durationText, parseDurationMs } from '../kit/duration.ts';
import type { PolicyPath } from './policy-path.ts';

/** Records an error of a policy. */
export type Report = (path: PolicyPath, message: string) => void;

/** @returns milliseconds of a duration. An error is reported, and the minimum returned */
export function durationBetween(
  text: string,
  { leastMs, mostMs }: { readonly leastMs: number; readonly mostMs: number },
  path: PolicyPath,
  report: Report,
): number {
  const name = protoName(path);
  const ms = parseDurationMs(text);
  if (ms !== undefined && ms >= leastMs && ms <= mostMs) return ms;
  const range = `from ${durationText(leastMs)} to ${durationText(mostMs)}`;
  if (ms === undefined) report(path, `${name} "${text}" is not a duration. Write a number with ms, s, m or h, such as "800ms": ${range}.`);
  else report(path, `${name} "${text}" is out of range: ${range} is allowed.`);
  return leastMs;
}

/** The last field of a path as in a .proto file: "cache.staleIfError" is "stale_if_error". */
function protoName(path: PolicyPath): string {
  return path.slice(path.lastIndexOf('.') + 1).replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The lists of a policy. */
type ListPath = Exclude<{ [P in PolicyPath]: `${P}[${number}]` extends PolicyPath ? P : never }[PolicyPath], ''>;

/** Reports each duplicate entry of a list. */
export function reportDuplicates(entries: readonly string[], what: string, list: ListPath, report: Report): void {
  for (const [i, entry] of entries.entries()) if (entries.indexOf(entry) !== i) report(`${list}[${i}]`, `${what} "${entry}" is listed twice.`);
}
