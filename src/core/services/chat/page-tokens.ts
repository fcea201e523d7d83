import { ruleBroken } from '../../kit/fault.ts';
import type { HistoryPage } from '../../ports/chat.ts';

export type HistoryStart = { readonly afterSeq: number } | { readonly beforeSeq: number };

/** A place in a conversation and a direction, as 12 characters: the rule of `page_token` in the .proto. */
export function historyToken(start: HistoryStart): string {
  const bytes = Buffer.alloc(9);
  bytes[0] = 'afterSeq' in start ? 1 : 2;
  bytes.writeBigUInt64BE(BigInt('afterSeq' in start ? start.afterSeq : start.beforeSeq), 1);
  return bytes.toString('base64url');
}

/** A token may be made up: each is a place in a conversation that only members read. @throws Fault REQUEST_INVALID */
export function historyStart(token: string): HistoryStart {
  const bytes = Buffer.from(token, 'base64url');
  const seq = bytes.readBigUInt64BE(1);
  if (seq > BigInt(Number.MAX_SAFE_INTEGER) || (bytes[0] !== 1 && bytes[0] !== 2)) throw ruleBroken('page_token', 'is no page token of this list');
  return bytes[0] === 1 ? { afterSeq: Number(seq) } : { beforeSeq: Number(seq) };
}

/** 0 and more than the maximum mean the maximum. */
export function sizeOf(wished: number, most = 100): Pick<HistoryPage, 'most'> {
  return { most: wished === 0 ? most : Math.min(wished, most) };
}
