/** How long maintenance can last from now on: nobody has to remember to end it. Milliseconds. */
export const maintenanceMaxMs = 7 * 86_400_000;
/** The languages of its text. */
export const textsMax = 20;
/** In UTF-8, of one text: what a google.rpc.LocalizedMessage of ours holds without being clipped. */
export const textBytesMax = 512;

/** A line break is allowed. What else controls a terminal or turns the direction of a text is not. */
const unprintable = /[\p{Cc}\p{Co}\u202a-\u202e\u2066-\u2069]/u;

/** Whether an app can show it as it is. */
function isPlainText(text: string): boolean {
  return text.trim() !== '' && Buffer.byteLength(text) <= textBytesMax && text.isWellFormed() && !unprintable.test(text.replaceAll('\n', ''));
}

/** Whether it names a language as clients do (RFC 5646), such as "en" or "pt-BR". */
export function isLanguageTag(text: string): boolean {
  if (text.length > 35) return false; // RFC 5646, section 4.4.1
  try {
    return Intl.getCanonicalLocales(text).length === 1;
  } catch {
    return false;
  }
}

/** Texts by language, within the bounds. */
export function areTexts(value: unknown): value is Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const entries = Object.entries(value);
  return entries.length <= textsMax && entries.every(([tag, text]) => isLanguageTag(tag) && typeof text === 'string' && isPlainText(text));
}

/** @returns milliseconds since 1970 of a time with its zone, such as "2026-11-26T22:00:00Z"; undefined if it is none */
export function parseTime(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/.test(text)) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}

/** The longest time after which a refused client asks again: maintenance may end before its time. Milliseconds. */
const askAgainMs = 60_000;

/**
 * When a client that is refused for a known time comes back: not before that has passed, or once a minute to look, and
 * each at another moment of the spread.
 * @param random from 0 up to 1
 * @returns whole milliseconds
 */
export function comeBackMs(leftMs: number, { spreadMs, random }: { readonly spreadMs: number; readonly random: () => number }): number {
  return Math.ceil(Math.min(Math.max(0, leftMs), askAgainMs) + random() * spreadMs);
}
