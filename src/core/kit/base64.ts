import { Fault } from './fault.ts';

/**
 * Matches base64 (RFC 4648, section 4) with its padding or without. Node decodes everything, and drops what it does not
 * know.
 */
export const base64Pattern = '(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?';

/** Whether a text is base64, also in the alphabet of URLs (section 5), with its padding or without. */
export function isBase64(text: string): boolean {
  return ofEitherAlphabet.test(text);
}
const ofEitherAlphabet = /^(?:[\w+/-]{4})*(?:[\w+/-]{2}(?:==)?|[\w+/-]{3}=?)?$/;

/** A decoder of base64 that arrives in chunks of any length. */
export type Base64Chunks = {
  /** @throws Fault CALL_MALFORMED */
  decode(chunk: Buffer): Buffer;
  /** Whether the chunks so far end with a character that completes bytes. */
  isWhole(): boolean;
};

/**
 * Each part that the client encoded may have its own padding, also in the middle (gRPC-Web, "Protocol differences":
 * grpc-web-text).
 */
export function base64Chunks(): Base64Chunks {
  let rest = '';
  return {
    decode: (chunk) => {
      const text = rest + chunk.toString('latin1').replace(/[\r\n]/g, '');
      const length = text.length - (text.length % 4);
      rest = text.slice(length);
      const decoded = Buffer.allocUnsafe((length / 4) * 3);
      let known = 0;
      let bytes = 0;
      for (const [part] of text.slice(0, length).matchAll(/[A-Za-z0-9+/]+={0,2}/g)) {
        if (part.length % 4 !== 0) break;
        known += part.length;
        bytes += decoded.write(part, bytes, 'base64'); // a Buffer of each part would cost ten times as much
      }
      if (known !== length || !/^[A-Za-z0-9+/=]*$/.test(rest)) throw new Fault('CALL_MALFORMED', 'The body of the request is not base64.');
      return decoded.subarray(0, bytes);
    },
    isWhole: () => rest === '',
  };
}
