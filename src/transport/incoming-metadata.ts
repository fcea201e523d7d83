import type { IncomingHttpHeaders } from 'node:http2';
import { Fault } from '../core/kit/fault.ts';
import { remembered } from '../core/kit/remembered.ts';
import { clip } from '../core/kit/text.ts';

/** The content of headers besides the metadata. */
export type Cleaned = {
  readonly authority: string;
  /** When the client stops waiting: milliseconds since 1970. */
  readonly deadlineAtMs: number | undefined;
};

/** Longest value of one piece of metadata, in bytes. */
const valueBytesMax = 4_096;
const credentialBytesMax = 8_192 + 'Bearer '.length;

/**
 * gRPC over HTTP/2, "ASCII-Value": other characters would be dropped in transit, or fail the call where the metadata is
 * forwarded.
 */
const printable = /^[ -~]*$/;

/** gRPC over HTTP/2, "Binary-Header": commas separate several values, and padding is optional. */
const base64List = /^[A-Za-z0-9+/]*={0,2}(, ?[A-Za-z0-9+/]*={0,2})*$/;
/** RFC 3986, section 3.2.2 and 3.2.3: a name or an address, and a port. */
const host = /^([\w.~!$&'()*+,;=%-]*|\[[\da-fA-F:.]+\])(:\d*)?$/;

/** Keys that a client may not send: of the server, of a proxy, of gRPC between servers. */
const stripped = /^(portico-|x-portico-|x-forwarded-|endpoint-load-metrics|grpc-.*-bin$|(forwarded|grpc-previous-rpc-attempts|lb-token|baggage)$)/;
type Verdict = 'keep' | 'strip' | 'refuse';
const verdicts = remembered<Verdict>(1_000, 64);
const verdictOf = (key: string) => verdicts(key, () => (stripped.test(key) ? 'strip' : key.includes('_') ? 'refuse' : 'keep'));

/**
 * Cleans the headers of one call in place: removes keys that a client may not send, and extracts the timeout, which the
 * deadline interceptor enforces with details.
 * @param rawHeaders names and values alternating, as received
 * @throws Fault CALL_MALFORMED for keys with "_", for values that are too long, not printable ASCII or (of "-bin" keys)
 * not base64, and for an invalid host; TIMEOUT_MALFORMED for an invalid timeout
 */
export function cleanHeaders(headers: IncomingHttpHeaders, rawHeaders: readonly string[], nowMs: number): Cleaned {
  const credentials = credentialsOf(rawHeaders);
  if (credentials.length > 1) headers.authorization = credentials.join(', '); // not a credential, so it is refused where one is needed
  const timeout = headers['grpc-timeout'] ?? headers['connect-timeout-ms'];
  for (const key in headers) {
    const verdict = verdictOf(key);
    if (verdict === 'strip') delete headers[key];
    else if (verdict === 'refuse') throw refusedKey(key, 'has a "_": write "-" instead');
    else {
      const value = headers[key] ?? '';
      const { length } = value;
      const most = key === 'authorization' ? credentialBytesMax : valueBytesMax;
      if (length > most && key !== ':path') throw refusedKey(key, `has ${length} bytes: at most ${most} are allowed`);
      if (typeof value === 'string' && !printable.test(value) && key !== ':path')
        throw refusedKey(key, 'has characters that are not printable ASCII: use a key that ends in "-bin"');
      if (key.endsWith('-bin') && !base64List.test(String(value))) throw refusedKey(key, 'is not base64');
    }
  }
  let deadlineAtMs: number | undefined;
  if (timeout !== undefined) {
    const isGrpc = headers['grpc-timeout'] !== undefined;
    const timeoutMs = isGrpc ? grpcTimeoutMs(String(timeout)) : connectTimeoutMs(String(timeout));
    if (timeoutMs === undefined) {
      const key = isGrpc ? 'grpc-timeout' : 'connect-timeout-ms';
      throw new Fault(
        'TIMEOUT_MALFORMED',
        `${key} "${String(timeout).slice(0, 40)}" is not a timeout: ${isGrpc ? '1 to 8 digits and one of H M S m u n are' : '1 to 10 digits are'} allowed.`,
        { metadata: { key } },
      );
    }
    delete headers['grpc-timeout'];
    delete headers['connect-timeout-ms'];
    deadlineAtMs = nowMs + timeoutMs;
  }
  return { authority: authorityOf(headers), deadlineAtMs };
}

/** The client chooses the key, and headers carry it back. */
function refusedKey(key: string, why: string): Fault {
  const shown = clip(key, 100);
  return new Fault('CALL_MALFORMED', `The metadata key "${shown}" ${why}.`, { metadata: { key: shown } });
}

/** @throws Fault CALL_MALFORMED for an invalid host */
export function authorityOf(headers: IncomingHttpHeaders): string {
  const { ':authority': named, host: also } = headers;
  const authority = String(named ?? also ?? '');
  const differs = named !== undefined && also !== undefined && named.toLowerCase() !== also.toLowerCase(); // RFC 9113, section 8.3.1
  if (differs || !host.test(authority)) throw new Fault('CALL_MALFORMED', 'The host of the request is none.');
  return authority;
}

/** Node silently keeps the first of several values, while a proxy or an upstream may use another. */
function credentialsOf(rawHeaders: readonly string[]): readonly string[] {
  const found: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    if (name.length === 13 && name.toLowerCase() === 'authorization') found.push(rawHeaders[i + 1] ?? '');
  }
  return found;
}

const unitMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 0.001, n: 0.000_001 };

/**
 * @returns milliseconds of a `grpc-timeout` (gRPC over HTTP/2: TimeoutValue of at most 8 digits and a unit), rounded
 * up; undefined when it is invalid
 */
export function grpcTimeoutMs(text: string): number | undefined {
  const match = /^(\d{1,8})([HMSmun])$/.exec(text);
  return match === null ? undefined : Math.ceil(Number(match[1]) * (unitMs[match[2] ?? ''] ?? 0));
}

/**
 * @returns milliseconds of a `connect-timeout-ms` (Connect protocol: at most 10 digits); undefined when it is invalid
 */
export function connectTimeoutMs(text: string): number | undefined {
  return /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}
