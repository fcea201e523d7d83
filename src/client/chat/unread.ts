import type { ChatEvent } from '../../gen/portico/v1/chat.ts';
import type { Chatting } from './state.ts';
import { isOf, later } from './timeline.ts';

/** So many, or more: as of the server. */
const most = 1_000;

/**
 * Messages of others that the user has not read. The server has counted up to `as_of_seq`; what came after it, and what
 * this device has read meanwhile, is counted here.
 */
export function unreadOf({ conversation, events, readSeq: readHere }: Chatting, userId: string): number {
  const { unread = 0, asOfSeq = 0n, readSeq: readThere = 0n } = conversation.own ?? {};
  const readSeq = later(readHere, readThere);
  const after = (seq: bigint) => events.filter((event) => event.seq > seq);
  const newer = after(later(asOfSeq, readSeq)).filter((event) => counts(event, userId)).length;
  if (readSeq >= asOfSeq || unread >= most) return Math.min(most, readSeq >= asOfSeq ? newer : unread);
  const readMeanwhile = events.filter((event) => event.seq > readThere && event.seq <= readSeq && counts(event, userId)).length;
  const deletedMeanwhile = after(asOfSeq).filter((event) => takesBack(event, { events, userId, after: readThere, upTo: asOfSeq })).length;
  return Math.min(most, Math.max(0, unread - readMeanwhile - deletedMeanwhile) + newer);
}

function counts(event: ChatEvent, userId: string): boolean {
  return event.what?.$case === 'message' && event.what.value.content !== undefined && !isOf(userId, event);
}

type Counted = { readonly events: readonly ChatEvent[]; readonly userId: string; readonly after: bigint; readonly upTo: bigint };

/** Whether it deletes a message that the server has counted. If that is not here, its sender has deleted it. */
function takesBack(event: ChatEvent, { events, userId, after, upTo }: Counted): boolean {
  if (event.what?.$case !== 'deleted') return false;
  const { targetSeq } = event.what.value;
  const target = events.find(({ seq }) => seq === targetSeq);
  const isMessage = target?.what === undefined || target.what.$case === 'message'; // or a reaction of an erased user, or hidden
  return targetSeq > after && targetSeq <= upTo && isMessage && !isOf(userId, target ?? event);
}
