import type { IncomingHttpHeaders, IncomingHttpStatusHeader } from 'node:http2';
import type { ReceivedMetadata, UpstreamStatus } from '../../ports/upstream-transport.ts';

/** Headers or trailers of an answer, in Node's form. */
export type ResponseHeaders = IncomingHttpHeaders & IncomingHttpStatusHeader;

const printable = /^[\x20-\x7e]*$/;
const base64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

/** Headers in Node's form, read on demand. */
export class ReceivedHeaders implements ReceivedMetadata {
  private readonly headers: IncomingHttpHeaders;
  constructor(headers: IncomingHttpHeaders) {
    this.headers = headers;
  }
  getAll(key: string): readonly (string | Uint8Array)[] {
    const value = Object.hasOwn(this.headers, key) ? this.headers[key] : undefined;
    if (value === undefined) return [];
    const values = (Array.isArray(value) ? value : [value]).filter((one) => printable.test(one));
    if (!key.endsWith('-bin')) return values;
    // gRPC over HTTP/2, "Custom-Metadata": several values are joined by commas, and padding may be missing
    const parts = values.flatMap((one) => one.split(',').map((part) => part.trim()));
    return parts.filter((part) => base64.test(part)).map((part) => Buffer.from(part, 'base64'));
  }
}

export const nothing: ReceivedMetadata = { getAll: () => [] };

/**
 * Whether a content type is gRPC with protobuf: not gRPC-Web, which has the same prefix, and no other encoding of
 * messages.
 */
export function isGrpc(contentType: string | undefined): boolean {
  return contentType !== undefined && /^application\/grpc(\+proto)?\s*(;|$)/i.test(contentType);
}

/** @returns the status in trailers, or in headers that end the stream; undefined when they have none */
export function receivedStatus(headers: IncomingHttpHeaders): UpstreamStatus | undefined {
  const code = headers['grpc-status'];
  if (code === undefined) return undefined;
  const trailers = new ReceivedHeaders(headers);
  const details = trailers.getAll('grpc-status-details-bin')[0];
  return {
    by: 'upstream',
    code: codeOf(String(code)),
    message: textOf(String(headers['grpc-message'] ?? '')),
    details: details instanceof Uint8Array ? details : undefined,
    trailers,
  };
}

/** An undefined gRPC code is UNKNOWN (gRPC over HTTP/2, "Status": clients treat an unrecognised one so). */
function codeOf(text: string): number {
  const code = /^\d{1,2}$/.test(text) ? Number(text) : 2;
  return code <= 16 ? code : 2;
}

/**
 * Undoes the percent coding of `grpc-message` (gRPC over HTTP/2, "Status-Message"). Bytes that should have been encoded
 * pass, invalid sequences stay unchanged, and invalid UTF-8 becomes U+FFFD: the text is always well-formed.
 */
export function textOf(coded: string): string {
  if (/^[\x20-\x24\x26-\x7e]*$/.test(coded)) return coded;
  const bytes = Buffer.from(coded, 'latin1'); // as Node reads headers
  const text = Buffer.allocUnsafe(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    const hex = byte === 0x25 ? coded.slice(at + 1, at + 3) : '';
    if (/^[0-9a-fA-F]{2}$/.test(hex)) {
      text[length++] = Number.parseInt(hex, 16);
      at += 2;
    } else text[length++] = byte;
  }
  return text.toString('utf8', 0, length);
}
