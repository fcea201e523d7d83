import { hash } from 'node:crypto';
import { sql } from 'kysely';
import { tokensOfUserMax } from '../../../ports/push-limits.ts';
import type { PushTokens } from '../../../ports/push-tokens.ts';
import type { UseDatabase } from '../database-access.ts';

export const tokenHashOf = (token: string): Buffer => hash('sha256', token, 'buffer');

/** Push tokens in PostgreSQL, or in PGlite, which is PostgreSQL. A trigger drops those of a session that ends. */
export function sqlPushTokens(use: UseDatabase): PushTokens {
  return {
    register: ({ sessionId, userId }, device, { provider, token, topic, sandbox, quietHours }) =>
      use((db) =>
        db.transaction().execute(async (tx) => {
          // the lock keeps the session from ending before the token is there to be dropped
          const { rows } = await sql`SELECT FROM sessions
            WHERE id = ${sessionId} AND user_id = ${userId} AND revoked_at IS NULL FOR SHARE`.execute(tx);
          if (rows.length === 0) return false;
          const tokenHash = tokenHashOf(token);
          const key = BigInt.asIntN(64, tokenHash.readBigUInt64BE());
          await sql`SELECT pg_advisory_xact_lock(${key})`.execute(tx); // two sessions may register it at once
          await sql`DELETE FROM push_tokens
            WHERE provider = ${provider} AND token_hash = ${tokenHash} AND session_id <> ${sessionId}`.execute(tx);
          await sql`INSERT INTO push_tokens (session_id, user_id, provider, token, token_hash, topic, sandbox, device, quiet_zone, quiet_from, quiet_to)
            VALUES (${sessionId}, ${userId}, ${provider}, ${token}, ${tokenHash}, ${topic}, ${sandbox}, ${device},
              ${quietHours?.timeZone ?? null}, ${quietHours?.fromMinute ?? null}, ${quietHours?.toMinute ?? null})
            ON CONFLICT (session_id) DO UPDATE SET provider = EXCLUDED.provider, token = EXCLUDED.token, token_hash = EXCLUDED.token_hash,
              topic = EXCLUDED.topic, sandbox = EXCLUDED.sandbox, device = EXCLUDED.device, quiet_zone = EXCLUDED.quiet_zone,
              quiet_from = EXCLUDED.quiet_from, quiet_to = EXCLUDED.quiet_to, registered_at = clock_timestamp()`.execute(tx);
          await sql`UPDATE push_queue SET provider = ${provider} WHERE session_id = ${sessionId} AND provider <> ${provider}`.execute(tx);
          await sql`DELETE FROM push_tokens WHERE session_id IN (SELECT session_id FROM push_tokens
            WHERE user_id = ${userId} ORDER BY registered_at DESC, session_id OFFSET ${sql.lit(tokensOfUserMax)})`.execute(tx);
          return true;
        }),
      ),
    drop: (sessionId) =>
      use(async (db) => {
        await sql`DELETE FROM push_tokens WHERE session_id = ${sessionId}`.execute(db);
      }),
  };
}
