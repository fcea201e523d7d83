const encoder = new TextEncoder();

/**
 * A text that any protocol can carry: lone surrogates become U+FFFD, and a long text is cut between two code points.
 * @param bytesMax the largest number of UTF-8 bytes of the result, including its ellipsis: at least 3
 */
export function clip(text: string, bytesMax: number): string {
  if (text.length * 3 <= bytesMax) return text.toWellFormed(); // a code unit is at most three bytes
  const { read } = encoder.encodeInto(text, new Uint8Array(bytesMax));
  if (read === text.length) return text.toWellFormed();
  return `${text.slice(0, encoder.encodeInto(text, new Uint8Array(bytesMax - 3)).read).toWellFormed()}…`;
}

/** Percent-encodes a text for a header (gRPC over HTTP/2, "Status-Message"). It never throws, whatever the text. */
export function percentEncode(text: string): string {
  return encodeURI(text.toWellFormed()); // clients take it apart by decodeURI or by decodeURIComponent: no more is coded than both take apart
}
