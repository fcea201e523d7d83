import { ruleBroken } from '../../kit/fault.ts';
import type { SyncPoint } from '../../ports/chat.ts';

/** A version, the database's UUID and the transaction; then, if there is one, the newest event. Bytes. */
const [pointBytes, wholeBytes] = [25, 65];
const version = 1;

/** A moment as a text: 34 characters, or 87 with the newest event, which is the rule of `sync_token` in the .proto. */
export function syncTokenOf({ databaseId, xid, newest }: SyncPoint): string {
  const bytes = Buffer.alloc(newest === undefined ? pointBytes : wholeBytes);
  bytes[0] = version;
  writeUuid(bytes, databaseId, 1);
  bytes.writeBigUInt64BE(xid, 17);
  if (newest !== undefined) {
    writeUuid(bytes, newest.conversationId, 25);
    bytes.writeBigUInt64BE(BigInt(newest.seq), 41);
    writeUuid(bytes, newest.eventId, 49);
  }
  return bytes.toString('base64url');
}

/**
 * A token may be made up: each is a moment, and what is missing since then is the user's own.
 * @throws Fault REQUEST_INVALID
 */
export function syncPointOf(token: string): SyncPoint {
  const bytes = Buffer.from(token, 'base64url');
  const isWhole = bytes.length === wholeBytes;
  const [xid, seq] = [bytes.readBigUInt64BE(17), isWhole ? bytes.readBigUInt64BE(41) : 0n];
  const newest = isWhole ? { conversationId: uuidAt(bytes, 25), seq: Number(seq), eventId: uuidAt(bytes, 49) } : undefined;
  const point = { databaseId: uuidAt(bytes, 1), xid, newest };
  if (bytes[0] === version && xid <= largest && seq <= BigInt(Number.MAX_SAFE_INTEGER) && syncTokenOf(point) === token) return point;
  throw ruleBroken('hello.sync_token', 'is no token of caught_up');
}

/** PostgreSQL's xid8 is a 64-bit number, and its text is read as a signed one. */
const largest = 2n ** 63n - 1n;

function writeUuid(bytes: Buffer, uuid: string, at: number): void {
  bytes.write(uuid.replaceAll('-', ''), at, 'hex');
}

function uuidAt(bytes: Buffer, at: number): string {
  return bytes.toString('hex', at, at + 16).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
