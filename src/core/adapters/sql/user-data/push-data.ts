import { sql } from 'kysely';
import type { UserDataPart } from '../../../ports/user-data.ts';
import type { UseDatabase } from '../database-access.ts';
import { sqlPart } from './sql-part.ts';

const batch = 500;

/** Push tokens, with what waits for them, and notices. A token ends with its session; this finds what is left. */
export function pushData(use: UseDatabase): UserDataPart {
  return sqlPart(use, 'push', {
    exports: async function* (userId, signal) {
      signal.throwIfAborted();
      const { rows } = await use((db) =>
        sql<{ kind: string; data: Record<string, unknown> }>`
          SELECT 'pushToken' AS kind, jsonb_build_object('sessionId', session_id, 'provider', provider, 'token', token, 'topic', topic,
            'device', device, 'quietZone', quiet_zone, 'quietFrom', quiet_from, 'quietTo', quiet_to, 'registeredAt', registered_at) AS data
          FROM push_tokens WHERE user_id = ${userId}
          UNION ALL
          SELECT 'notice', jsonb_build_object('content', content, 'requestKey', request_key, 'createdAt', created_at, 'expiresAt', expires_at)
          FROM push_notices WHERE user_id = ${userId}`.execute(db),
      );
      yield* rows;
    },
    erase: async (tx, { userId, beforeMs }) => {
      const before = new Date(beforeMs);
      const tokens = await sql`DELETE FROM push_tokens WHERE session_id IN (
        SELECT session_id FROM push_tokens WHERE user_id = ${userId} AND registered_at < ${before} LIMIT ${batch})`.execute(tx);
      const notices = await sql`DELETE FROM push_notices WHERE id IN (
        SELECT id FROM push_notices WHERE user_id = ${userId} AND created_at < ${before} LIMIT ${batch})`.execute(tx);
      const [tokensGone, noticesGone] = [Number(tokens.numAffectedRows), Number(notices.numAffectedRows)];
      const isDone = tokensGone < batch && noticesGone < batch;
      return { erased: { pushTokens: tokensGone, notices: noticesGone }, place: undefined, isDone };
    },
  });
}
