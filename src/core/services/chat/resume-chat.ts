import type { ChatHello } from '../../../gen/portico/v1/chat.ts';
import { ruleBroken } from '../../kit/fault.ts';
import type { ChatPosition, ChatStore, MemberPlace, SyncPoint } from '../../ports/chat.ts';
import { canonicalId } from './encode-chat.ts';

/** The most events that a returning client gets of one conversation, and of one that it does not know. */
export const syncedMax = { gapMax: 1_000, newMax: 20 } as const;

/** What a client lacks when its stream begins. */
export type SyncStart = {
  /** Read before all the rest: caught up, the client has everything to this moment. Undefined: there are no tokens. */
  readonly point: SyncPoint | undefined;
  /** What the client has is of another database: it forgets all. */
  readonly startsOver: boolean;
  /** The own changes up to this one are known to the client. */
  readonly ownSeq: number;
  /** The transactions before this one are known to the client. Undefined: it has no token that says so. */
  readonly knownXid: bigint | undefined;
  /** All conversations of the user, with the last event that the client needs no more. */
  readonly places: readonly { readonly place: MemberPlace; readonly sentSeq: number }[];
  /** Conversations of which the client must forget the events: it has others, or may have some that were deleted. */
  readonly resets: ReadonlySet<string>;
  /** Conversations whose states the client lacks, although they have not changed after `ownSeq`. */
  readonly unknown: readonly string[];
  /** Those that the client names, and of which the user is no member. */
  readonly left: readonly string[];
};

/** Holds what a client says that it has against the store. It only reads. @throws Fault REQUEST_INVALID */
export async function readSyncStart(chat: ChatStore, userId: string, hello: ChatHello): Promise<SyncStart> {
  const token = hello.syncToken === '' ? undefined : syncPointOf(hello.syncToken);
  const point = await chat.syncPoint(userId);
  const since = token && (await chat.since(userId, token, syncedMax));
  const top = (await chat.tops([], [userId])).users.get(userId) ?? 0;
  const startsOver = (token !== undefined && since === undefined) || hello.ownSeq > BigInt(top);
  const named = new Map<string, ChatPosition>(
    startsOver ? [] : hello.positions.map(({ conversationId, seq, eventId }) => [canonicalId(conversationId), { seq: Number(seq), eventId }]),
  );
  const places = await chat.places(userId);
  const foreign = new Set(await chat.foreign(named));
  // without a token nothing proves that the number is of this history; the event's id proves a position
  const ownSeq = startsOver || point === undefined ? 0 : Number(hello.ownSeq);
  const knownSeqOf = (id: string) => named.get(id)?.seq ?? (startsOver ? undefined : since?.get(id));
  // what the client has may have been deleted or hidden while the user was away, or may have expired
  const isReset = ({ conversationId, afterSeq, expiredSeq }: MemberPlace) => {
    const knownSeq = knownSeqOf(conversationId);
    return foreign.has(conversationId) || (knownSeq !== undefined && knownSeq < Math.max(afterSeq, expiredSeq));
  };
  const resets = new Set(places.filter(isReset).map(({ conversationId }) => conversationId));
  const member = new Set(places.map(({ conversationId }) => conversationId));
  const known = (id: string) => (resets.has(id) ? undefined : knownSeqOf(id));
  return {
    point,
    startsOver,
    ownSeq,
    knownXid: startsOver ? undefined : token?.xid,
    places: places.map((place) => ({ place, sentSeq: Math.max(place.afterSeq, known(place.conversationId) ?? place.lastSeq - syncedMax.newMax) })),
    resets,
    unknown: places.filter((place) => place.ownSeq <= ownSeq && known(place.conversationId) === undefined).map((place) => place.conversationId),
    left: [...named.keys()].filter((id) => !member.has(id)),
  };
}

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
