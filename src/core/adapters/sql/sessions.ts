import { type Selectable, sql, type Transaction } from 'kysely';
import type { Session, Sessions } from '../../ports/sessions.ts';
import type { UseDatabase } from './database-access.ts';
import type { Database, SessionsTable } from './database-tables.ts';

/** The key of the advisory lock for deletions by one replica at a time: an arbitrary unique number. */
const forgetLock = 7_306_371_302;

/** Sessions in PostgreSQL, or in PGlite, which is PostgreSQL. */
export function sqlSessions(use: UseDatabase): Sessions {
  return {
    create: (session) =>
      use(async (db) => {
        await db.insertInto('sessions').values(rowOf(session)).execute();
      }),
    refresh: (id, nowMs, decide) =>
      inTransaction(use, async (tx) => {
        const row = await tx.selectFrom('sessions').selectAll().where('id', '=', id).forUpdate().executeTakeFirst();
        if (row === undefined) return undefined;
        const { decision, result } = decide(sessionOf(row));
        if (decision.kind === 'refuse') return result;
        const update = tx.updateTable('sessions').where('id', '=', id);
        if (decision.kind === 'keep') {
          const { generation, inARow } = decision.repeats;
          await update.set({ last_seen_at: new Date(nowMs), repeated_generation: generation, repeats_in_a_row: inARow }).execute();
        } else if (decision.kind === 'advance') {
          const { generation, refreshHash } = decision;
          await update
            .set({ generation, refresh_hash: Buffer.from(refreshHash), advanced_at: new Date(nowMs), last_seen_at: new Date(nowMs) })
            .execute();
        } else
          await update
            .set({ revoked_at: new Date(nowMs), revoked_because: decision.because })
            .where('revoked_at', 'is', null)
            .execute();
        return result;
      }),
    ofUser: (userId, { seenMs, signedInMs, most, following }) =>
      use(async (db) => {
        const after = following && sql<boolean>`(signed_in_at, id) < (${new Date(following.signedInAtMs)}, ${following.id}::uuid)`;
        const rows = await db
          .selectFrom('sessions')
          .selectAll()
          .where('user_id', '=', userId)
          .where('revoked_at', 'is', null)
          .where('last_seen_at', '>', new Date(seenMs))
          .where('signed_in_at', '>', new Date(signedInMs))
          .$if(after !== undefined, (query) => query.where(after as NonNullable<typeof after>))
          .orderBy('signed_in_at', 'desc')
          .orderBy('id', 'desc')
          .limit(most)
          .execute();
        return rows.map(sessionOf);
      }),
    revoke: (id, userId, because, nowMs) =>
      use(async (db) => {
        const { numUpdatedRows } = await db
          .updateTable('sessions')
          .set({ revoked_at: new Date(nowMs), revoked_because: because })
          .where('id', '=', id)
          .where('user_id', '=', userId)
          .where('revoked_at', 'is', null)
          .executeTakeFirst();
        return numUpdatedRows > 0n;
      }),
    revokeAll: (userId, because, nowMs) =>
      use(async (db) => {
        const rows = await db
          .updateTable('sessions')
          .set({ revoked_at: new Date(nowMs), revoked_because: because })
          .where('user_id', '=', userId)
          .where('revoked_at', 'is', null)
          .returning('id')
          .execute();
        return rows.map(({ id }) => id);
      }),
    revokedSince: (sinceMs) =>
      use(async (db) => {
        const rows = await db.selectFrom('sessions').select('id').where('revoked_at', '>=', new Date(sinceMs)).execute();
        return rows.map(({ id }) => id);
      }),
    useNonce: (hash, nowMs, expiresAtMs) =>
      use(async (db) => {
        const { numInsertedOrUpdatedRows = 0n } = await db
          .insertInto('used_nonces')
          .values({ nonce_hash: Buffer.from(hash), expires_at: new Date(expiresAtMs) })
          .onConflict((conflict) =>
            conflict
              .column('nonce_hash')
              .doUpdateSet({ expires_at: new Date(expiresAtMs) })
              .where('used_nonces.expires_at', '<', new Date(nowMs)),
          )
          .executeTakeFirst();
        return numInsertedOrUpdatedRows > 0n;
      }),
    forget: ({ endedMs, seenMs, signedInMs, expiredMs }, most) =>
      inTransaction(use, async (tx) => {
        const { rows } = await sql<{ mine: boolean }>`SELECT pg_try_advisory_xact_lock(${sql.lit(String(forgetLock))}::bigint) AS mine`.execute(tx);
        if (rows[0]?.mine !== true) return 0;
        const dead = tx
          .selectFrom('sessions')
          .select('id')
          .where((where) =>
            where.or([
              where('revoked_at', '<', new Date(endedMs)),
              where('last_seen_at', '<', new Date(seenMs)),
              where('signed_in_at', '<', new Date(signedInMs)),
            ]),
          )
          .limit(most)
          .forUpdate()
          .skipLocked();
        const sessionsGone = await tx.deleteFrom('sessions').where('id', 'in', dead).executeTakeFirst();
        const expired = tx
          .selectFrom('used_nonces')
          .select('nonce_hash')
          .where('expires_at', '<', new Date(expiredMs))
          .limit(most)
          .forUpdate()
          .skipLocked();
        const noncesGone = await tx.deleteFrom('used_nonces').where('nonce_hash', 'in', expired).executeTakeFirst();
        return Math.max(Number(sessionsGone.numDeletedRows), Number(noncesGone.numDeletedRows));
      }),
  };
}

/** Runs the work in one transaction. */
function inTransaction<T>(use: UseDatabase, work: (tx: Transaction<Database>) => Promise<T>): Promise<T> {
  return use((db) => db.transaction().execute(work));
}

function sessionOf(row: Selectable<SessionsTable>): Session {
  return {
    id: row.id,
    userId: row.user_id,
    device: { platform: row.device_platform, name: row.device_name, installationId: row.installation_id },
    scopes: row.scopes,
    claims: row.claims,
    signedInAtMs: row.signed_in_at.getTime(),
    lastSeenAtMs: row.last_seen_at.getTime(),
    generation: row.generation,
    refreshHash: row.refresh_hash,
    advancedAtMs: row.advanced_at.getTime(),
    repeats: { generation: row.repeated_generation, inARow: row.repeats_in_a_row },
    revokedAtMs: row.revoked_at?.getTime(),
  };
}

function rowOf(session: Session): SessionsTable {
  return {
    id: session.id,
    user_id: session.userId,
    device_platform: session.device.platform,
    device_name: session.device.name,
    installation_id: session.device.installationId,
    scopes: [...session.scopes],
    claims: { ...session.claims },
    signed_in_at: new Date(session.signedInAtMs),
    last_seen_at: new Date(session.lastSeenAtMs),
    generation: session.generation,
    refresh_hash: Buffer.from(session.refreshHash),
    advanced_at: new Date(session.advancedAtMs),
    repeated_generation: session.repeats.generation,
    repeats_in_a_row: session.repeats.inARow,
    revoked_at: null,
    revoked_because: null,
  };
}
