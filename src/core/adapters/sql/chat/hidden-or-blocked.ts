import { type RawBuilder, sql } from 'kysely';

/**
 * Whether a user sees a message, as far as that is the user's own choice: it is not hidden, and its sender not blocked.
 * @param event the alias of a message
 */
export function isShown(event: string, userId: RawBuilder<unknown>): RawBuilder<unknown> {
  const e = sql.id(event);
  return sql`NOT EXISTS (SELECT FROM chat_hidden h WHERE h.user_id = ${userId} AND h.conversation_id = ${e}.conversation_id AND h.seq = ${e}.seq)
    AND NOT EXISTS (SELECT FROM chat_blocks b WHERE b.user_id = ${userId} AND b.blocked_id = ${e}.sender_id AND ${e}.sender_kind = 'user')`;
}
