import type { IncomingHttpHeaders } from 'node:http2';
import { Fault } from '../kit/fault.ts';
import type { Peer } from '../ports/call.ts';

/** Under which the edges get the front's own word: set anew for each call, after everything of that name has been stripped. */
export const edgeHeader = 'portico-edge';
/** What the front knows of a call. */
export type EdgeWord = { readonly peer: Peer; readonly authority: string; readonly deadlineAtMs: number | undefined };

/** Longest value of one piece of metadata, in bytes. */
const valueBytesMax = 4_096;
const credentialBytesMax = 8_192 + 'Bearer '.length;

/** gRPC over HTTP/2, "ASCII-Value": other characters would be dropped on the way, or end the call where the metadata is handed on. */
const printable = /^[ -~]*$/;

/** What a client may not say: the server's own, a proxy's, gRPC's between servers. */
const stripped = /^(portico-|x-portico-|x-forwarded-|endpoint-load-metrics|grpc-.*-bin$|(forwarded|grpc-previous-rpc-attempts|lb-token|baggage)$)/;
type Verdict = 'keep' | 'strip' | 'refuse';
const verdicts = new Map<string, Verdict>();
const verdictsMax = 1_000;

function verdictOf(key: string): Verdict {
  const known = verdicts.get(key);
  if (known !== undefined) return known;
  const verdict = stripped.test(key) ? 'strip' : key.includes('_') ? 'refuse' : 'keep';
  if (verdicts.size < verdictsMax) verdicts.set(key, verdict);
  return verdict;
}

/**
 * Cleans the headers of one call in place: strips what a client may not say, and takes the timeout out (our own deadline interceptor enforces it, with details).
 * @param rawHeaders names and values in turn, as they came
 * @returns the front's word for the edge
 * @throws Fault CALL_MALFORMED for keys with "_", and for values that are too long or not printable ASCII, TIMEOUT_MALFORMED for a timeout that is none
 */
export function cleanHeaders(headers: IncomingHttpHeaders, peer: Peer, nowMs: number, rawHeaders: readonly string[]): EdgeWord {
  const credentials = credentialsOf(rawHeaders);
  if (credentials.length > 1) headers.authorization = credentials.join(', '); // which is no credential, so that it is refused where one is needed
  const timeout = headers['grpc-timeout'] ?? headers['connect-timeout-ms'];
  for (const key in headers) {
    const verdict = verdictOf(key);
    if (verdict === 'strip') delete headers[key];
    else if (verdict === 'refuse')
      throw new Fault('CALL_MALFORMED', `The metadata key "${key}" has a "_": write "-" instead.`, { metadata: { key } });
    else {
      const value = headers[key] ?? '';
      const { length } = value;
      const most = key === 'authorization' ? credentialBytesMax : valueBytesMax;
      if (length > most && key !== ':path')
        throw new Fault('CALL_MALFORMED', `The metadata "${key}" has ${length} bytes: at most ${most} are allowed.`, { metadata: { key } });
      if (typeof value === 'string' && !printable.test(value) && key !== ':path')
        throw new Fault('CALL_MALFORMED', `The metadata "${key}" has characters that are not printable ASCII: use a key that ends in "-bin".`, {
          metadata: { key },
        });
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
  return { peer, authority: String(headers[':authority'] ?? headers.host ?? ''), deadlineAtMs };
}

/** Node keeps the first of several without a word; whoever stands before or behind us may have taken another. */
function credentialsOf(rawHeaders: readonly string[]): readonly string[] {
  const found: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    if (name.length === 13 && name.toLowerCase() === 'authorization') found.push(rawHeaders[i + 1] ?? '');
  }
  return found;
}

const unitMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 0.001, n: 0.000_001 };

/** @returns milliseconds of a `grpc-timeout` (gRPC over HTTP/2: TimeoutValue of at most 8 digits and a unit), rounded up; undefined when it is none */
export function grpcTimeoutMs(text: string): number | undefined {
  const match = /^(\d{1,8})([HMSmun])$/.exec(text);
  return match === null ? undefined : Math.ceil(Number(match[1]) * (unitMs[match[2] ?? ''] ?? 0));
}

/** @returns milliseconds of a `connect-timeout-ms` (Connect protocol: at most 10 digits); undefined when it is none */
export function connectTimeoutMs(text: string): number | undefined {
  return /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

/** As one header, for the edge that gets nothing but headers. */
export function encodeWord({ peer, authority, deadlineAtMs }: EdgeWord): string {
  return `${deadlineAtMs ?? ''}|${peer.port}|${peer.address}|${peer.certificateNames.map(encodeURIComponent).join(',')}|${authority}`;
}

/** Reads what `encodeWord` wrote. */
export function readWord(word: string): EdgeWord {
  const [deadline = '', port = '', address = '', names = '', ...authority] = word.split('|');
  return {
    peer: { address, port: Number(port), certificateNames: names === '' ? noNames : names.split(',').map(decodeURIComponent) },
    authority: authority.join('|'),
    deadlineAtMs: deadline === '' ? undefined : Number(deadline),
  };
}
const noNames: readonly string[] = [];
