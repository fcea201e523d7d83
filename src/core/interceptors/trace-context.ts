/** The client's part of a trace. */
export type TraceParent = {
  readonly traceId: string;
  readonly spanId: string;
  /** The flag by which a client vouches that its trace id is random: passed on as it came. */
  readonly isRandom: boolean;
};

/** W3C Trace Context, section 3.2: version 00 exactly; later versions may have more after a dash; ff is none. */
const format = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:$|(?<!^00.{53})-)/;

/** @returns undefined for a `traceparent` that is invalid, or sent twice: a trace begins here */
export function traceParentOf(sent: unknown): TraceParent | undefined {
  const [, version, traceId, spanId, flags = ''] = (typeof sent === 'string' && format.exec(sent)) || [];
  if (traceId === undefined || spanId === undefined) return undefined;
  return { traceId, spanId, isRandom: version === '00' && (Number.parseInt(flags, 16) & 2) !== 0 };
}

/** Section 3.3.1: a key and its value, which may contain blanks but not end with one. */
const member = /^[a-z0-9][a-z0-9_\-*/@]{0,255}=[ -+\--<>-~]{0,255}[!-+\--<>-~]$/;
/** Sections 3.3.1.1 and 3.3.1.5: entries, characters of all, and characters from which an entry is dropped first. */
const [membersMax, lengthMax, longFrom] = [32, 512, 129];

/** @returns what is passed on of the `tracestate` of a valid trace; undefined when nothing is */
export function tracestateOf(sent: unknown): string | undefined {
  if (typeof sent !== 'string') return undefined;
  const members = sent.split(',').map((text) => text.trim());
  const whole = members.filter((text) => text !== '');
  const keys = new Set(whole.map((text) => text.slice(0, text.indexOf('='))));
  if (whole.length > membersMax || keys.size < whole.length || !whole.every((text) => member.test(text))) return undefined;
  const kept = whole.join().length <= lengthMax ? whole : whole.filter(({ length }) => length < longFrom);
  while (kept.join().length > lengthMax) kept.pop();
  return kept.join() || undefined;
}
