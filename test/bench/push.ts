// What pushes cost whoever sends: docs/reference/benchmarks.md says what each figure means.
import { Client } from 'pg';
import { startPostgresServer } from '../support/postgres/postgres-server.ts';
import { eventsOf, insertConversations, someOf, userOf, users } from './chat/conversations.ts';
import { postgresCpuSeconds } from './chat/postgres-cpu.ts';
import { openStreamClient, openUnarySender, type Sender } from './chat/senders.ts';
import { type Cores, openHarness } from './harness.ts';
import { inRounds, ratioOf } from './interleave.ts';
import type { Result } from './result.ts';

const settings = { live: { messagesPerSecond: 10_000, beginsPerSecond: 10_000, unacknowledgedMax: 100_000 }, chat: { writesPerSecond: 10_000 } };
const owners = { on: 'pushed', off: 'unpushed' } as const;
const ways = { stream: openStreamClient, unary: openUnarySender } as const;

type Contestant = {
  readonly name: string;
  /** Sends so many, and lets the server be done with them. @returns the CPU time of server and PostgreSQL */
  run(sends: number): Promise<number>;
};

export async function push({ quick, cores }: { readonly quick: boolean; readonly cores: Cores }): Promise<Result> {
  const rounds = quick ? 2 : 7;
  const sends = quick ? 320 : 3_200;
  await using open = new AsyncDisposableStack();
  const postgres = await startPostgresServer({ durable: true });
  open.defer(postgres.stop);
  process.env.TEST_POSTGRES_URL = postgres.url; // the harness takes this one
  const harness = await openHarness(cores);
  open.use(harness);
  await insertConversations(harness.databaseUrl, Object.values(owners));
  const database = new Client({ connectionString: harness.databaseUrl });
  await database.connect();
  open.defer(() => database.end());
  await registerDevices(database);
  const waiting = async () => Number((await database.query('SELECT count(*) FROM chat_outbox')).rows[0].count);

  const contestant = async (pushes: keyof typeof owners, way: keyof typeof ways): Promise<Contestant> => {
    const owner = owners[pushes];
    const replica = await harness.replica({ ...settings, push: { provider: pushes === 'on' ? 'log' : 'off', after: '1s' } });
    const senders: Sender[] = [];
    for (let n = 0; n < users; n++)
      senders.push(await ways[way]({ port: replica.port, ca: harness.ca, token: await harness.token(userOf(owner, n)) }));
    open.defer(async () => {
      for (const sender of senders) sender.close();
    });
    return {
      name: `${way}_${pushes}`,
      run: async (count) => {
        const events = await eventsOf(harness.databaseUrl, owner);
        const before = replica.cpuSeconds() + postgresCpuSeconds(postgres.pid);
        let left = count;
        const work = async (sender: Sender, user: number) => {
          while (left-- > 0) await sender.send(someOf(owner, user));
        };
        await Promise.all(senders.map(work));
        while ((await waiting()) > 0) await new Promise((again) => setTimeout(again, 500));
        const cpuSeconds = replica.cpuSeconds() + postgresCpuSeconds(postgres.pid) - before;
        const stored = (await eventsOf(harness.databaseUrl, owner)) - events;
        if (stored !== count) throw new Error(`${count} messages were acknowledged, and ${stored} are stored.`);
        return cpuSeconds;
      },
    };
  };
  const contestants = [
    await contestant('on', 'stream'),
    await contestant('off', 'stream'),
    await contestant('on', 'unary'),
    await contestant('off', 'unary'),
  ];
  const speeds = await inRounds(contestants, { rounds }, async ({ run }) => ({ good: sends, calls: sends, cpuSeconds: await run(sends) }));
  const { rows } = await database.query('SELECT count(*) FROM push_queue');
  if (Number(rows[0].count) > 0) throw new Error('A message was to be pushed, although its device has confirmed it.');
  const ratios = { outbox_vs_send: ratioOf(speeds.stream_on, speeds.stream_off), outbox_vs_post: ratioOf(speeds.unary_on, speeds.unary_off) };
  return {
    bench: 'push',
    ratios: Object.fromEntries(Object.entries(ratios).map(([name, { median }]) => [name, median])),
    promises: { outbox_vs_send: { least: 0.9 } },
    said: [
      `${users} senders, ${rounds} rounds of ${sends}. Messages per second of the CPU of server and PostgreSQL:`,
      ...Object.entries(speeds).map(([name, { callsPerCpuSecond }]) => `${name.padEnd(12)}${String(Math.round(callsPerCpuSecond)).padStart(8)}`),
    ],
    raw: { speeds, quartiles: Object.fromEntries(Object.entries(ratios).map(([name, { quartiles }]) => [name, quartiles])) },
  };
}

/** Each user has a device with a token, which has confirmed all that is ever sent: the outbox is what is measured. */
async function registerDevices(database: Client): Promise<void> {
  const all = Array.from({ length: users }, (_, n) => userOf(owners.on, n));
  await database.query(
    `WITH session AS (
       INSERT INTO sessions (id, user_id, device_platform, device_name, installation_id, scopes, claims, signed_in_at, last_seen_at,
         generation, refresh_hash, advanced_at)
       SELECT gen_random_uuid(), user_id, 'ios', 'bench', '', '{}', '{}', now(), now(), 0, '', now() FROM unnest($1::text[]) AS u (user_id)
       RETURNING id, user_id
     ), token AS (
       INSERT INTO push_tokens (session_id, user_id, provider, token, token_hash, device)
       SELECT id, user_id, 'fcm', id::text, sha256(id::text::bytea), id::text FROM session
     )
     INSERT INTO chat_devices (conversation_id, user_id, device, delivered_seq)
     SELECT m.conversation_id, s.user_id, s.id::text, 1000000000 FROM session s JOIN chat_members m ON m.user_id = s.user_id`,
    [all],
  );
  await database.query('ANALYZE');
}
