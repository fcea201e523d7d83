const encoder = new TextEncoder();

/**
 * A text as any protocol can carry it: lone surrogates become U+FFFD, and what is too long is cut between two code points.
 * @param bytesMax the most bytes that the result has as UTF-8, its ellipsis counted: at least 3
 */
export function clip(text: string, bytesMax: number): string {
  if (text.length * 3 <= bytesMax) return text.toWellFormed(); // a code unit is at most three bytes
  const { read } = encoder.encodeInto(text, new Uint8Array(bytesMax));
  if (read === text.length) return text.toWellFormed();
  return `${text.slice(0, encoder.encodeInto(text, new Uint8Array(bytesMax - 3)).read).toWellFormed()}…`;
}

/** Percent-codes a text for a header (gRPC over HTTP/2, "Status-Message"). It never throws, whatever the text. */
export function percentEncode(text: string): string {
  return encodeURI(text.toWellFormed()); // clients take it apart by decodeURI or by decodeURIComponent: no more is coded than both take apart
}
