// Erasures in SQL: what is left, and what a repeat does.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { metrics } from '@opentelemetry/api';
import type { Kysely } from 'kysely';
import { memoryBus } from '../../src/core/adapters/memory/bus.ts';
import { sqlChat } from '../../src/core/adapters/sql/chat/chat-store.ts';
import { openDatabaseAccess, type UseDatabase } from '../../src/core/adapters/sql/database-access.ts';
import type { Database } from '../../src/core/adapters/sql/database-tables.ts';
import type { Sql } from '../../src/core/adapters/sql/postgres-or-pglite.ts';
import { sqlSessions } from '../../src/core/adapters/sql/sessions.ts';
import { sqlErasures } from '../../src/core/adapters/sql/user-data/erasures.ts';
import type { ErasureReport, UserDataPart } from '../../src/core/ports/user-data.ts';
import { openErasing } from '../../src/core/services/user-data/erase-users.ts';
import { systemClock } from '../../src/wire/system-clock.ts';
import { userDataParts } from '../../src/wire/user-data.ts';
import { message } from '../contracts/chat-harness.ts';
import { quietLog } from '../support/log.ts';
import { newSession } from '../support/token/new-session.ts';
import { liveInSql, openMarks } from '../support/user-data/life-in-sql.ts';
import { marksInDatabase, rowsOfDatabase } from '../support/user-data/search-database.ts';

type Announced = [conversationId: string, first: number, last: number];

function partsOn(use: UseDatabase, announced: Announced[] = [], ended: string[] = []): readonly UserDataPart[] {
  return userDataParts({
    use,
    announcements: {
      announce: (subject, { seqs }) => void ('conversationId' in subject && seqs && announced.push([subject.conversationId, ...seqs])),
    },
    onEnded: async (_, ids) => void ended.push(...ids),
    copies: {},
    bus: memoryBus(quietLog),
  });
}

async function erase(use: UseDatabase, parts: readonly UserDataPart[], userId: string, requestId: string): Promise<ErasureReport> {
  const erasures = sqlErasures(use);
  const alone = { forget: async () => {}, hasReplicas: false, secondPassAfterMs: 0, opened: new Promise<void>(() => {}) };
  const erasing = openErasing({ erasures, parts, ...alone, clock: systemClock, log: quietLog, meter: metrics.getMeter('test') });
  try {
    return await erasing.erase(userId, { requestId, waitMs: 20_000, signal: new AbortController().signal });
  } finally {
    await erasing.close();
  }
}

async function exported(parts: readonly UserDataPart[], userId: string): Promise<string> {
  const lines: string[] = [];
  for (const part of parts)
    for await (const record of part.export(userId, new AbortController().signal)) lines.push(JSON.stringify({ part: part.name, ...record }));
  return lines.join('\n');
}

type Open = () => Promise<Sql>;
const openedBy = async (open: Open) => {
  const { db } = await open();
  return { db, use: openDatabaseAccess(db).use };
};

/** What an export has and an erasure leaves. */
export function eraseCases(adapter: string, open: Open): void {
  const opened = () => openedBy(open);

  test(`${adapter}: an export has every mark of a user, and after the erasure no table has one`, async () => {
    const { db, use } = await opened();
    const [marks, others] = [openMarks(), openMarks()];
    await liveInSql(use, db, others);
    const before = await rowsOfDatabase(db);
    const { userId, conversations, others: friends } = await liveInSql(use, db, marks);
    const [announced, ended]: [Announced[], string[]] = [[], []];
    const parts = partsOn(use, announced, ended);

    const text = await exported(parts, userId);
    const base64 = (mark: string) => text.includes(Buffer.from(mark).toString('base64'));
    const replaced = marks.all.filter((mark) => mark.startsWith('text')); // edited or deleted: it is stored no more
    const missing = marks.all.filter((mark) => !text.includes(mark) && !base64(mark) && !replaced.includes(mark));
    assert.deepEqual(missing, []);
    assert.ok(!text.includes(`said by`), 'what others have written is theirs');

    const report = await erase(use, parts, userId, randomUUID());
    assert.notEqual(report.doneAtMs, undefined);
    assert.deepEqual(await marksInDatabase(db, marks.all), []);
    assert.equal(ended.length, 2);
    assert.deepEqual(report.parts, {
      push: { notices: 1, pushTokens: 2 },
      sessions: { sessions: 2 },
      reports: { reports: 1 },
      attachments: { attachments: 1 },
      chat: { blocks: 2, clientIds: 21, conversations: 1, memberships: 4, messages: 4, reactions: 4 },
    });
    const again = Object.values(report.again).flatMap((counts) => Object.values(counts));
    assert.deepEqual(
      [Object.keys(report.again), again.filter((count) => count > 0)],
      [Object.keys(report.parts), []],
      'the second pass finds nothing',
    );
    assert.equal(await exported(parts, userId), '');

    // others' rows are as they were, each in its table
    const now = await rowsOfDatabase(db);
    for (const [table, rows] of before)
      for (const row of rows) if (!table.endsWith('erasures')) assert.ok(now.get(table)?.includes(row), `${table} lost ${row}`);

    // who shared a conversation reads all places of it, without the user
    const chat = sqlChat(use);
    const [ann, bob] = friends;
    for (const [reader, id] of [
      [ann, conversations.group],
      [bob, conversations.group],
      [ann, conversations.own],
      [bob, conversations.direct],
    ] as const) {
      const events = await chat.history(reader, id, { most: 100, afterSeq: 0 });
      assert.deepEqual(
        events.map(({ seq }) => seq),
        events.map((_, i) => i + 1),
      );
      const [membership] = await chat.joined(reader, { ids: [id] });
      assert.equal(membership?.conversation.lastSeq, events.length);
      assert.equal(membership?.conversation.membersCount, id === conversations.group ? 2 : 1);
      const names = new Set(events.filter(({ sender }) => sender.id.startsWith('erased:')).map(({ sender }) => sender.id));
      assert.equal(names.size, 1, 'one name in one conversation');
      const words = events.filter(({ sender }) => names.has(sender.id));
      assert.ok(words.every(({ text, data, reaction = '', clientId }) => !text && !data && reaction === '' && !clientId));
      const gone = words.filter(({ kind }) => kind === 'message' || kind === 'reaction').map(({ seq }) => seq);
      const deletions = events.filter(({ kind }) => kind === 'delete').map(({ targetSeq }) => targetSeq);
      const taken = events.filter(({ kind, removed }) => kind === 'reaction' && removed).map(({ seq }) => seq);
      assert.ok(gone.every((seq) => deletions.includes(seq) || taken.includes(seq)));
      assert.ok(announced.some(([of, , last]) => of === id && last === events.length));
    }
    // the last owner has left: the longest member follows
    assert.equal((await chat.joined(ann, { ids: [conversations.own] }))[0]?.role, 'owner');
  });

  test(`${adapter}: a repeat reports the same, and touches nothing of a user who has come back`, async () => {
    const { db, use } = await opened();
    const marks = openMarks();
    const { userId } = await liveInSql(use, db, marks);
    const requestId = randomUUID();
    const report = await erase(use, partsOn(use), userId, requestId);
    const again = openMarks();
    const back = await liveInSql(use, db, { all: again.all, make: (what) => (what === 'user' ? userId : again.make(what)) });
    assert.equal(back.userId, userId);
    const before = await rowsOfDatabase(db);
    assert.deepEqual(await erase(use, partsOn(use), userId, requestId), report);
    assert.deepEqual(await rowsOfDatabase(db), before);
    await erase(use, partsOn(use), userId, randomUUID());
    assert.deepEqual(await marksInDatabase(db, [userId, ...again.all]), []);
  });
}

/** What comes between the acceptance of an erasure and its steps. */
export function meanwhileCases(adapter: string, open: Open): void {
  for (const comesBack of [false, true])
    test(`${adapter}: what comes after an erasure was accepted ${comesBack ? 'stays from the next sign-in on' : 'is erased, if nobody has signed in'}`, async () => {
      const { db, use } = await openedBy(open);
      const marks = openMarks();
      const { userId, conversations } = await liveInSql(use, db, marks);
      const [requestId, sessionId] = [randomUUID(), randomUUID()];
      await sqlErasures(use).accept(userId, requestId);
      await setTimeout(5); // into another millisecond
      const chat = sqlChat(use);
      await chat.append(conversations.group, message(userId, marks.make('during')));
      await setTimeout(5);
      const nowMs = Date.now();
      if (comesBack) await sqlSessions(use).create(newSession(userId, nowMs, { id: sessionId }));
      await setTimeout(5);
      const later = `later${randomUUID()}`;
      await chat.append(conversations.group, message(userId, later));
      await erase(use, partsOn(use), userId, requestId);
      const gone = marks.all.filter((mark) => mark !== userId);
      assert.deepEqual(await marksInDatabase(db, [...gone, ...(comesBack ? [] : [userId, later])]), []);
      assert.equal((await marksInDatabase(db, [later])).length > 0, comesBack);
      const active = await sqlSessions(use).ofUser(userId, { seenMs: 0, signedInMs: 0, most: 10, following: undefined });
      assert.deepEqual(
        active.map(({ id }) => id),
        comesBack ? [sessionId] : [],
      );
    });
}

/** An erasure that ends at any of its steps. */
export function killedCases(adapter: string, open: Open): void {
  const opened = () => openedBy(open);
  for (const when of ['before its commit', 'after it'] as const)
    test(`${adapter}: killed at any step, ${when}, an erasure goes on and counts the same`, async () => {
      const { db, use } = await opened();
      let expected: ErasureReport['parts'] | undefined;
      let [killAt, steps] = [-1, 0];
      do {
        killAt++;
        const marks = openMarks();
        const { userId } = await liveInSql(use, db, marks);
        const requestId = randomUUID();
        const killed = new Error('killed');
        steps = 0;
        const dying: UseDatabase = (work) =>
          use((real) => {
            if (++steps !== killAt) return work(real);
            return when === 'after it' ? work(real).then(() => Promise.reject(killed)) : work(neverCommits(real, killed));
          });
        await stepsUntilKilled(use, partsOn(dying), userId, requestId, killed);
        const report = await erase(use, partsOn(use), userId, requestId);
        expected ??= report.parts;
        assert.deepEqual(report.parts, expected);
        assert.deepEqual(await marksInDatabase(db, marks.all), []);
      } while (killAt === 0 || steps === killAt);
      assert.ok(steps > 20, `${steps} steps were killed`);
    });
}

/** Takes steps as one process does that dies by the first error. */
async function stepsUntilKilled(use: UseDatabase, parts: readonly UserDataPart[], userId: string, requestId: string, killed: Error) {
  const erasures = sqlErasures(use);
  const id = await erasures.accept(userId, requestId);
  try {
    for (;;) {
      const erasure = await erasures.read(id);
      const part = parts.find(({ name }) => !erasure?.partsDone.includes(name));
      if (erasure === undefined || part === undefined) return;
      await part.erase(erasure);
    }
  } catch (error) {
    if (error !== killed) throw error;
  }
}

/** A database whose transaction is taken back at its end. */
function neverCommits(db: Kysely<Database>, killed: Error): Kysely<Database> {
  const execute = (work: (tx: never) => Promise<unknown>) =>
    db.transaction().execute(async (tx) => {
      await work(tx as never);
      throw killed;
    });
  return { transaction: () => ({ execute }) } as unknown as Kysely<Database>;
}
