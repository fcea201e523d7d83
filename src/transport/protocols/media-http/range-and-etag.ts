import type { ByteRange } from '../../../gen/portico/v1/media.ts';

/** The etag of a content: its hash, so that it never names another one (RFC 9110, section 8.8.3). */
export function etagOf(sha256: Uint8Array): string {
  return `"${Buffer.from(sha256).toString('hex')}"`;
}

/** @returns undefined: it is the etag of no content */
function hashOf(etag: string): Buffer | undefined {
  const [, hex] = /^"([0-9a-f]{64})"$/.exec(etag) ?? [];
  return hex === undefined ? undefined : Buffer.from(hex, 'hex');
}

const hashesMax = 10;
/** What no content has. */
const none = Buffer.from([0]);
/** More digits are no place in a content, and no exact number. */
const one = /^bytes=(\d{0,15})-(\d{0,15})$/;

/**
 * The one range of a request. Several ranges, other units and what makes no sense are ignored, as RFC 9110, section
 * 14.2 permits: then the whole content is sent.
 * @param ifRange only the etag of the content itself keeps the range (RFC 9110, section 13.1.5)
 */
export function rangeOf(range: string | undefined, ifRange: string | readonly string[] | undefined): ByteRange | undefined {
  const [, first = '', last = ''] = one.exec(range?.replaceAll(' ', '') ?? '') ?? [];
  if (first === '' && last === '') return undefined;
  const ifSha256 = ifRange === undefined ? Buffer.alloc(0) : (hashOf(String(ifRange).trim()) ?? none);
  if (first === '') return { part: { $case: 'last', value: BigInt(last) }, most: 0n, ifSha256 };
  if (last !== '' && BigInt(last) < BigInt(first)) return undefined;
  return { part: { $case: 'from', value: BigInt(first) }, most: last === '' ? 0n : BigInt(last) - BigInt(first) + 1n, ifSha256 };
}

/** The contents of `if-none-match`, compared weakly (RFC 9110, section 13.1.2). `any`: its `*`. */
export function knownHashes(header: string | undefined): { readonly hashes: Buffer[]; readonly any: boolean } {
  const etags = (header ?? '').split(',', 100).map((etag) => etag.trim().replace(/^W\//, ''));
  return { hashes: etags.flatMap((etag) => hashOf(etag) ?? []).slice(0, hashesMax), any: etags[0] === '*' };
}
