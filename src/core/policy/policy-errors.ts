import { durationText, parseDurationMs } from '../kit/duration.ts';
import { fileOf, type Named, type Place, placeOf, placeOfName, type Spot } from './find-source-position.ts';
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

/**
 * The text of a .proto file for carets, by its name in the descriptor set. Undefined: positions are printed without the
 * line.
 */
export type Sources = (file: string) => { readonly path: string; readonly text: string } | undefined;

/** One error of one policy, or of a name. */
export type Finding = (Spot | Named) & { readonly message: string };

/**
 * All contradictions of all policies, sorted by position, each as `file:line:column: what is wrong` with the line and a
 * caret.
 */
export class PolicyErrors extends Error {
  readonly count: number;
  constructor(findings: readonly Finding[], sources: Sources) {
    const found = findings.map((finding) => locate(finding, finding.message, sources));
    found.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : a.line - b.line || a.column - b.column));
    super(found.map(render).join('\n'));
    this.name = 'PolicyErrors';
    this.count = findings.length;
  }
}

export type Located = Place & { readonly path: string; readonly message: string; readonly text: string | undefined };

/** Adds file, line and column to an error. */
export function locate(spot: Spot | Named, message: string, sources: Sources): Located {
  const file = `${fileOf('named' in spot ? spot.named : spot.method).name}.proto`;
  const source = sources(file);
  const place = 'named' in spot ? placeOfName(spot, source?.text) : placeOf(spot, source?.text);
  return { ...place, path: source?.path ?? file, message, text: source?.text.split(/\r?\n/)[place.line - 1] };
}

function render({ path, line, column, message, text }: Located): string {
  const head = `${path}:${line}:${column}: ${message}`;
  if (text === undefined) return head;
  const before = [...text].slice(0, column - 1).join('');
  return `${head}\n${text}\n${before.replace(/[^\t]/gu, ' ')}^`;
}
