import { sql } from 'kysely';
import type { RevokedBecause } from '../../../ports/sessions.ts';
import type { UserDataPart, UserRecord } from '../../../ports/user-data.ts';
import type { UseDatabase } from '../database-access.ts';
import { rowsById, sqlPart } from './sql-part.ts';

const batch = 500;
const because: RevokedBecause = 'user_erased';

/**
 * Sessions, which are those of devices. An erased session ends; its row stays without the user until it is deleted
 * like every ended session, so that its access tokens are refused as long as they would be valid.
 * @param onEnded called with the sessions that ended now
 */
export function sessionData(use: UseDatabase, onEnded: (userId: string, sessionIds: readonly string[]) => Promise<void>): UserDataPart {
  return sqlPart(use, 'sessions', {
    exports: async function* (userId, signal) {
      const rows = rowsById(
        use,
        signal,
        (isAfter) =>
          sql<{ id: string; data: UserRecord['data'] }>`
          SELECT id, jsonb_build_object('sessionId', id, 'platform', device_platform, 'name', device_name, 'installationId', installation_id,
            'scopes', scopes, 'claims', claims, 'signedInAt', signed_in_at, 'lastSeenAt', last_seen_at, 'endedAt', revoked_at,
            'endedBecause', revoked_because) AS data
          FROM sessions WHERE user_id = ${userId} AND ${isAfter('id')} ORDER BY id LIMIT ${batch}`,
      );
      for await (const { data } of rows) yield { kind: 'session', data };
    },
    erase: async (tx, { userId, beforeMs }) => {
      const { rows } = await sql<{ id: string; ended: boolean }>`
        WITH taken AS (SELECT id, revoked_at IS NULL AS ended FROM sessions
          WHERE user_id = ${userId} AND signed_in_at < ${new Date(beforeMs)} ORDER BY id LIMIT ${batch} FOR UPDATE)
        UPDATE sessions s SET user_id = '', device_platform = '', device_name = '', installation_id = '', scopes = '{}', claims = '{}',
          refresh_hash = '', revoked_at = coalesce(s.revoked_at, clock_timestamp()), revoked_because = coalesce(s.revoked_because, ${because})
        FROM taken WHERE s.id = taken.id RETURNING s.id, taken.ended`.execute(tx);
      const ended = rows.filter((row) => row.ended).map(({ id }) => id);
      return { erased: { sessions: rows.length }, place: undefined, isDone: rows.length < batch, afterwards: () => onEnded(userId, ended) };
    },
  });
}
