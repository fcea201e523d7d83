import { type RawBuilder, sql } from 'kysely';
import { isShown } from '../chat/hidden-or-blocked.ts';

/** How long a session lives without a refresh, and in total. */
export type SessionLife = { readonly idleMs: number; readonly absoluteMs: number };

/** Whether `s`, the session of a push token, lives. */
export function isAlive({ idleMs, absoluteMs }: SessionLife): RawBuilder<unknown> {
  return sql`s.revoked_at IS NULL AND s.last_seen_at > now() - ${idleMs} * interval '1 ms' AND s.signed_in_at > now() - ${absoluteMs} * interval '1 ms'`;
}

/** Whether `e`, a message, is to be pushed to `t`, a token of `m`, who is or was a member of its conversation. */
export const isWanted = sql`m.left_seq IS NULL AND m.after_seq < e.seq AND m.read_seq < e.seq AND e.deleted_seq IS NULL
  AND (m.muted_until IS NULL OR m.muted_until <= now())
  AND NOT (e.sender_kind = 'user' AND e.sender_id = m.user_id)
  AND ${isShown('e', sql`m.user_id`)}
  AND NOT EXISTS (SELECT FROM chat_blocks b WHERE b.user_id = e.sender_id AND b.blocked_id = m.user_id AND e.sender_kind = 'user')
  AND NOT EXISTS (SELECT FROM chat_devices d WHERE d.conversation_id = e.conversation_id AND d.user_id = m.user_id
    AND d.device IN (t.device, t.session_id::text) AND d.delivered_seq >= e.seq)`;
