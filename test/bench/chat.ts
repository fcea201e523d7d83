// What it costs to send, to deliver and to return: docs/reference/benchmarks.md says what each figure means.
import { join } from 'node:path';
import { startPostgresServer } from '../support/postgres/postgres-server.ts';
import { openStatementsLink, type Statement } from '../support/postgres/statements-link.ts';
import { eventsOf, idOf, insertConversations, numberOf, type Owner, someOf, userOf, users } from './chat/conversations.ts';
import { deliveries } from './chat/deliver.ts';
import { openPgbench, type Sent } from './chat/pgbench.ts';
import { postgresCpuSeconds } from './chat/postgres-cpu.ts';
import { resume } from './chat/resume.ts';
import { openStreamClient, openUnarySender, type Sender } from './chat/senders.ts';
import { type Cores, type Harness, openHarness } from './harness.ts';
import { inRounds, type Ratio, ratioOf, rounded } from './interleave.ts';
import type { Result } from './result.ts';

const settings = { live: { messagesPerSecond: 10_000, beginsPerSecond: 10_000, unacknowledgedMax: 100_000 }, chat: { writesPerSecond: 10_000 } };

type Contestant = {
  readonly name: string;
  /** Sends so many, or some more. @returns how many, and the CPU time of server and PostgreSQL */
  run(sends: number): Promise<{ readonly sends: number; readonly cpuSeconds: number }>;
};

/** Sends of each connection that pgbench has made before it is measured: they are planned and compiled in each anew. */
const warmUp = 10;

export async function chat({ quick, cores }: { readonly quick: boolean; readonly cores: Cores }): Promise<Result> {
  const rounds = quick ? 3 : 11;
  await using open = new AsyncDisposableStack();
  const postgres = await startPostgresServer({ durable: true });
  open.defer(postgres.stop);
  process.env.TEST_POSTGRES_URL = postgres.url; // the harness takes this one
  const harness = await openHarness(cores);
  open.use(harness);
  await insertConversations(harness.databaseUrl);
  const database = () => postgresCpuSeconds(postgres.pid);

  const one = await oneSend(harness);
  const pgbench = (name: string, isHot: boolean): Contestant => {
    const program = openPgbench({ core: cores.load, databaseUrl: harness.databaseUrl, file: join(harness.folder, `${name}.sql`), isHot, ...one });
    const reached = async (least: number) => {
      for (;;) {
        const [events, cpuSeconds] = [await eventsOf(harness.databaseUrl, 'pgbench'), database()];
        if (events >= least) return { events, cpuSeconds };
        await new Promise((again) => setTimeout(again, 100));
      }
    };
    const run = async (sends: number) => {
      const before = await eventsOf(harness.databaseUrl, 'pgbench');
      const running = program.start();
      const from = await reached(before + warmUp * users);
      const until = await reached(from.events + sends);
      running.cpuSeconds(); // it still runs
      await running.stop();
      return { sends: until.events - from.events, cpuSeconds: until.cpuSeconds - from.cpuSeconds };
    };
    return { name, run };
  };
  const portico = async (name: Owner, openSender: typeof openUnarySender, place: (owner: Owner, user: number) => string): Promise<Contestant> => {
    const replica = await harness.replica(settings);
    const senders: Sender[] = [];
    for (let n = 0; n < users; n++)
      senders.push(await openSender({ port: replica.port, ca: harness.ca, token: await harness.token(userOf(name, n)) }));
    open.defer(async () => {
      for (const sender of senders) sender.close();
    });
    return {
      name,
      run: async (sends) => {
        const before = await eventsOf(harness.databaseUrl, name);
        const cpuBefore = replica.cpuSeconds() + database();
        let left = sends;
        const work = async (sender: Sender, user: number) => {
          while (left-- > 0) await sender.send(place(name, user));
        };
        await Promise.all(senders.map(work));
        const cpuSeconds = replica.cpuSeconds() + database() - cpuBefore;
        const stored = (await eventsOf(harness.databaseUrl, name)) - before;
        if (stored !== sends) throw new Error(`${sends} messages were acknowledged, and ${stored} are stored.`);
        return { sends, cpuSeconds };
      },
    };
  };
  const contestants = [
    await portico('stream', openStreamClient, someOf),
    await portico('unary', openUnarySender, someOf),
    pgbench('pgbench', false),
    await portico('hot', openStreamClient, (owner) => idOf(numberOf(owner, 0))),
    pgbench('hot_pgbench', true),
  ];
  const speeds = await inRounds(contestants, { rounds }, async ({ run }) => {
    const { sends, cpuSeconds } = await run(quick ? 640 : 6_400);
    return { good: sends, calls: sends, cpuSeconds };
  });
  const delays = await deliveries(harness, settings, { times: quick ? 50 : 1_000 });
  const resumed = await resume(harness, settings);

  const ratios: Record<string, Ratio> = {
    send_vs_pgbench: ratioOf(speeds.stream, speeds.pgbench),
    hot_vs_pgbench: ratioOf(speeds.hot, speeds.hot_pgbench),
    unary_vs_pgbench: ratioOf(speeds.unary, speeds.pgbench),
  };
  return {
    bench: 'chat',
    ratios: {
      ...Object.fromEntries(Object.entries(ratios).map(([name, { median }]) => [name, median])),
      deliver_vs_commit: rounded(delays.deliver.p50Ms / delays.commit.p50Ms),
    },
    promises: {
      send_vs_pgbench: { least: 0.5 },
      hot_vs_pgbench: { least: 2 },
      deliver_vs_commit: { most: 1.5 },
    },
    said: [
      `${users} senders, ${rounds} rounds. Messages per second of the CPU of server and PostgreSQL:`,
      ...Object.entries(speeds).map(([name, { callsPerCpuSecond }]) => `${name.padEnd(12)}${String(Math.round(callsPerCpuSecond)).padStart(8)}`),
      `A commit takes ${rounded(delays.commit.p50Ms)} ms, and from there to a client of another replica ${rounded(delays.deliver.p50Ms)} ms.`,
      `${resumed.events} messages in ${resumed.conversations} conversations were read by ${Object.values(resumed.statements).reduce((a, b) => a + b)} statements.`,
    ],
    raw: {
      speeds,
      quartiles: Object.fromEntries(Object.entries(ratios).map(([name, { quartiles }]) => [name, quartiles])),
      delays,
      resume_1000: resumed,
    },
  };
}

/** Sends one message, and looks at its statements. */
async function oneSend(harness: Harness): Promise<{ readonly sent: Sent; readonly statements: readonly Statement[] }> {
  await using link = await openStatementsLink(harness.databaseUrl);
  const replica = await harness.replica({ ...settings, sql: { url: link.url } });
  const userId = userOf('unary', 0);
  const sender = await openUnarySender({ port: replica.port, ca: harness.ca, token: await harness.token(userId) });
  const conversationId = someOf('unary', 0);
  await sender.send(conversationId);
  link.take();
  await sender.send(conversationId);
  const statements = link.take();
  sender.close();
  await replica.stop();
  const idIn = (name: string) => new RegExp(`"${name}":"([^"]+)"`).exec(JSON.stringify(statements).replaceAll('\\', ''))?.[1];
  const [clientId, eventId] = [idIn('client_id'), idIn('event_id')];
  if (clientId === undefined || eventId === undefined) throw new Error(`These are not the statements of a send: ${JSON.stringify(statements)}`);
  return { statements, sent: { conversationId, userId, clientId, eventId } };
}
