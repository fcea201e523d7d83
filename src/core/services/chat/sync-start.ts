import type { ChatHello } from '../../../gen/portico/v1/chat.ts';
import type { ChatPosition, ChatStore, MemberPlace, SyncPoint } from '../../ports/chat.ts';
import { canonicalId } from './canonical-ids.ts';
import { syncPointOf } from './sync-token.ts';

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

/** The most events that a client gets of one conversation, and of one that it does not know. */
export const lengths = { gapMax: 1_000, newMax: 20 } as const;

/** Holds what a client says that it has against the store. It only reads. @throws Fault REQUEST_INVALID */
export async function readSyncStart(chat: ChatStore, userId: string, hello: ChatHello): Promise<SyncStart> {
  const token = hello.syncToken === '' ? undefined : syncPointOf(hello.syncToken);
  const point = await chat.syncPoint(userId);
  const since = token && (await chat.since(userId, token, lengths));
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
    places: places.map((place) => ({ place, sentSeq: Math.max(place.afterSeq, known(place.conversationId) ?? place.lastSeq - lengths.newMax) })),
    resets,
    unknown: places.filter((place) => place.ownSeq <= ownSeq && known(place.conversationId) === undefined).map((place) => place.conversationId),
    left: [...named.keys()].filter((id) => !member.has(id)),
  };
}
