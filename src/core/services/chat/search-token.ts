import { hash } from 'node:crypto';
import { ruleBroken } from '../../kit/fault.ts';

/** What a search asks for: a page token is good for this alone. */
export type Searched = { readonly conversationId: string; readonly query: string; readonly language: string };

/** A place of 8 bytes, and 8 bytes of the hash of what is searched. */
const [placeBytes, hashBytes] = [8, 8];

/** Where the next page begins, as 22 characters: the rule of `page_token` in the .proto. */
export function searchTokenOf(searched: Searched, beforeSeq: number): string {
  const bytes = Buffer.alloc(placeBytes + hashBytes);
  bytes.writeBigUInt64BE(BigInt(beforeSeq));
  digestOf(searched).copy(bytes, placeBytes);
  return bytes.toString('base64url');
}

/** A token may be made up: each is a place in a conversation that only members search. @throws Fault REQUEST_INVALID */
export function searchPlaceOf(searched: Searched, token: string): number | undefined {
  if (token === '') return undefined;
  const seq = Number(Buffer.from(token, 'base64url').readBigUInt64BE());
  if (seq < 1 || seq > Number.MAX_SAFE_INTEGER || searchTokenOf(searched, seq) !== token)
    throw ruleBroken('page_token', 'is no next_page_token of this search');
  return seq;
}

function digestOf({ conversationId, query, language }: Searched): Buffer {
  return hash('sha256', JSON.stringify([conversationId, query, language]), 'buffer').subarray(0, hashBytes);
}
