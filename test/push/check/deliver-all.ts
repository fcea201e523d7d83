// Messages to devices of which half are connected and confirm, while workers are killed: who was pushed what, and why.
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { sqlChat } from '../../../src/core/adapters/sql/chat/chat-store.ts';
import { openDatabaseAccess } from '../../../src/core/adapters/sql/database-access.ts';
import { type Device, nameOf, pushActs, tokenOf } from '../../contracts/push-harness.ts';
import { openPushWorld } from '../../support/push/push-worker.ts';
import { until } from '../../support/time/until.ts';
import { type Delivered, deliveredOf, keyOf, type Pair } from './delivered.ts';
import { startWorkers } from './killed-workers.ts';

/** Two devices of a user: the first is connected. */
type User = { readonly name: string; readonly connected: Device; readonly away: Device };
export type Load = { readonly messages: number; readonly users: number; readonly workers: number; readonly killEveryMs: number };
/** A worker takes a message no sooner than this after it was stored: connected devices confirm before, mostly. */
const pushAfterMs = 500;
/** The sender waits while so many wait: a device has no more than a hundred. */
const waitingMost = 1_000;
const lanes = 8;

export async function deliverAll({ messages, users: count, workers: workersCount, killEveryMs }: Load, chance = Math.random): Promise<Delivered> {
  await using world = await openPushWorld();
  const { db } = world.sql;
  const chat = sqlChat(openDatabaseAccess(db).use, { pushAfterMs });
  const act = pushActs({ ...world, chat });
  const users: User[] = [];
  for (let n = 0; n < count; n++) {
    const name = nameOf(`user-${n}`);
    const provider = n % 2 === 0 ? 'apns' : 'fcm';
    users.push({ name, connected: await act.device(name, tokenOf(provider)), away: await act.device(name, tokenOf(provider)) });
  }
  const groups: { readonly id: string; readonly members: readonly User[] }[] = [];
  for (let n = 0; n < count; n++) {
    const members = [n, n + 1, n + 2].map((at) => users[at % count] as User);
    groups.push({ id: await act.group(...members.map(({ name }) => name)), members });
  }

  const pairs: Pair[] = [];
  const spared = new Set<string>();
  /** Whether no worker has taken the pair so far: then whoever takes it sees what was confirmed before. */
  const isUntaken = async ({ sessionId }: Device, id: string, seq: number) =>
    (
      await sql<{ untaken: boolean }>`SELECT EXISTS (SELECT FROM chat_outbox WHERE conversation_id = ${id} AND seq = ${seq})
        OR EXISTS (SELECT FROM push_queue WHERE session_id = ${sessionId} AND conversation_id = ${id} AND seq = ${seq} AND kind = 'message'
          AND NOT leased AND attempts = 0) AS untaken`.execute(db)
    ).rows[0]?.untaken === true;
  const deliver = async (user: User, id: string, seq: number) => {
    for (const device of [user.connected, user.away]) pairs.push({ key: keyOf(device.token.token, id, seq), device, id, seq });
    if (chance() < 0.1) return; // it is connected, and silent: pushed, too
    const reads = chance() < 0.15;
    await act.receive(user.connected, id, seq, reads ? seq : 0);
    for (const device of reads ? [user.connected, user.away] : [user.connected])
      if (await isUntaken(device, id, seq)) spared.add(keyOf(device.token.token, id, seq));
  };
  let left = messages;
  const lane = async () => {
    while (left-- > 0) {
      const { id, members } = groups[Math.floor(chance() * groups.length)] as (typeof groups)[number];
      const [from, ...others] = [...members].sort(() => chance() - 0.5) as [User, ...User[]];
      const seq = await act.say(from.name, id);
      await Promise.all(others.map((user) => deliver(user, id, seq)));
      while ((await world.undone()) > waitingMost) await sleep(20);
    }
  };

  await using workers = await startWorkers(workersCount, { file: 'worker-process.ts', orders: { databaseUrl: world.sql.url } }, chance);
  let kills = 0;
  const sending = Promise.all(Array.from({ length: lanes }, lane));
  const ended = sending.then(() => true);
  while (!(await Promise.race([ended, sleep(killEveryMs * (0.3 + 1.4 * chance()), false)]))) {
    await workers.killOne();
    kills++;
  }
  await until('all is sent', async () => (await world.undone()) === 0, 120_000);

  return deliveredOf(db, { messages, devices: 2 * count, kills, pairs, spared, workers: workers.all });
}
