import type { SessionsPage } from '../../ports/sessions.ts';

type Cursor = NonNullable<SessionsPage['following']>;

/** The bytes of the time: milliseconds since 1970 until the year 10889. */
const timeBytes = 6;

/** The session that a page ends with, as 30 characters: the rule of `page_token` in the .proto. */
export function pageTokenAfter({ signedInAtMs, id }: Cursor): string {
  const bytes = Buffer.alloc(timeBytes + 16);
  bytes.writeUIntBE(signedInAtMs, 0, timeBytes);
  bytes.write(id.replaceAll('-', ''), timeBytes, 'hex');
  return bytes.toString('base64url');
}

/** It may be made up: every text of the rule's form is a place in the list, and the list is the caller's own. */
export function cursorOf(pageToken: string): Cursor {
  const bytes = Buffer.from(pageToken, 'base64url');
  return { signedInAtMs: bytes.readUIntBE(0, timeBytes), id: bytes.toString('hex', timeBytes) };
}
