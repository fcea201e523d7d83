import { ruleBroken } from '../../../kit/fault.ts';
import type { ChatStore } from '../../../ports/chat.ts';

type Start = { readonly afterSeq: number } | { readonly beforeSeq: number };

/** See `ChatStore.historyPage`. */
export function historyPages(history: ChatStore['history']): ChatStore['historyPage'] {
  return async (userId, conversationId, { most, token, fromSeq }) => {
    const given = fromSeq === 0 ? { beforeSeq: undefined } : { afterSeq: fromSeq - 1 };
    const start: Start | { readonly beforeSeq: undefined } = token === '' ? given : startOf(token);
    const found = await history(userId, conversationId, { ...start, most: most + 1 });
    const forwards = 'afterSeq' in start;
    const events = forwards ? found.slice(0, most) : found.slice(-most);
    const [first, last] = [events[0]?.seq, events.at(-1)?.seq];
    const end = last ?? (forwards ? start.afterSeq : Math.max(0, (start.beforeSeq ?? 1) - 1));
    const hasOlder = forwards ? (first ?? start.afterSeq + 1) > 1 : found.length > most;
    return { events, olderToken: hasOlder ? tokenOf({ beforeSeq: first ?? end + 1 }) : '', newerToken: tokenOf({ afterSeq: end }) };
  };
}

/** A place in a conversation and a direction, as 12 characters: the rule of `page_token` in the .proto. */
function tokenOf(start: Start): string {
  const bytes = Buffer.alloc(9);
  bytes[0] = 'afterSeq' in start ? 1 : 2;
  bytes.writeBigUInt64BE(BigInt('afterSeq' in start ? start.afterSeq : start.beforeSeq), 1);
  return bytes.toString('base64url');
}

/** A token may be made up: each is a place in a conversation that only members read. @throws Fault REQUEST_INVALID */
function startOf(token: string): Start {
  const bytes = Buffer.from(token, 'base64url');
  const seq = bytes.readBigUInt64BE(1);
  if (seq > BigInt(Number.MAX_SAFE_INTEGER) || (bytes[0] !== 1 && bytes[0] !== 2)) throw ruleBroken('page_token', 'is no page token of this list');
  return bytes[0] === 1 ? { afterSeq: Number(seq) } : { beforeSeq: Number(seq) };
}
