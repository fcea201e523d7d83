import { ruleBroken } from './fault.ts';

/** A place in a list that is ordered by time and id. */
type Place = { /** Milliseconds since 1970. */ readonly atMs: number /** A UUID. */; readonly id: string };

/** The bytes of the time: milliseconds since 1970. They reach the year 10889. */
const timeBytes = 6;
/** The end of the year 9999: google.protobuf.Timestamp, and so every answer, has no later time. */
const timeMaxMs = 253_402_300_799_999;

/** What a page ends with, as 30 characters: the rule of `page_token` in the .proto. */
export function pageTokenAfter({ atMs, id }: Place): string {
  const bytes = Buffer.alloc(timeBytes + 16);
  bytes.writeUIntBE(atMs, 0, timeBytes);
  bytes.write(id.replaceAll('-', ''), timeBytes, 'hex');
  return bytes.toString('base64url');
}

/**
 * A token may be made up: each is a place in the list, and the list is the caller's own.
 * @throws Fault REQUEST_INVALID for a time after the year 9999, and for a second spelling of the same place
 */
export function placeOf(pageToken: string): Place {
  const bytes = Buffer.from(pageToken, 'base64url');
  const place = { atMs: bytes.readUIntBE(0, timeBytes), id: bytes.toString('hex', timeBytes) };
  if (place.atMs <= timeMaxMs && pageTokenAfter(place) === pageToken) return place;
  throw ruleBroken('page_token', 'is no next_page_token');
}

/** The size of a page that a client wishes: 0 and more than the maximum mean the maximum. */
export function pageSizeOf(wished: number, most: number): number {
  return wished === 0 ? most : Math.min(wished, most);
}

/**
 * A page of what was found, and the token of the next one; empty: there is none.
 * @param found one more than the page has, if there are more
 */
export function pageOf<T>(
  found: readonly T[],
  most: number,
  tokenOf: (last: T) => string,
): { readonly page: readonly T[]; readonly nextPageToken: string } {
  const page = found.slice(0, most);
  const last = page.at(-1);
  return { page, nextPageToken: last !== undefined && found.length > most ? tokenOf(last) : '' };
}
