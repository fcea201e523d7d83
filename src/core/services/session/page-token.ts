import { Fault } from '../../kit/fault.ts';
import type { SessionsPage } from '../../ports/sessions.ts';

type Cursor = NonNullable<SessionsPage['following']>;

/** The bytes of the time: milliseconds since 1970. They reach the year 10889. */
const timeBytes = 6;
/** The end of the year 9999: google.protobuf.Timestamp, and so every answer, has no later time. */
const timeMaxMs = 253_402_300_799_999;

/** The session that a page ends with, as 30 characters: the rule of `page_token` in the .proto. */
export function pageTokenAfter({ signedInAtMs, id }: Cursor): string {
  const bytes = Buffer.alloc(timeBytes + 16);
  bytes.writeUIntBE(signedInAtMs, 0, timeBytes);
  bytes.write(id.replaceAll('-', ''), timeBytes, 'hex');
  return bytes.toString('base64url');
}

/**
 * A token may be made up: each is a place in the list, and the list is the caller's own.
 * @throws Fault REQUEST_INVALID for a time that no session has, and for a second spelling of the same place
 */
export function cursorOf(pageToken: string): Cursor {
  const bytes = Buffer.from(pageToken, 'base64url');
  const cursor = { signedInAtMs: bytes.readUIntBE(0, timeBytes), id: bytes.toString('hex', timeBytes) };
  if (cursor.signedInAtMs <= timeMaxMs && pageTokenAfter(cursor) === pageToken) return cursor;
  const description = 'is no next_page_token';
  throw new Fault('REQUEST_INVALID', `The request breaks a rule: page_token ${description}.`, {
    violations: [{ field: 'page_token', rule: 'page_token', description }],
  });
}
