// A client that returns: what it is sent, and by how many statements.

import { openStatementsLink } from '../../support/postgres/statements-link.ts';
import type { Harness } from '../harness.ts';
import { insertBacklog } from './conversations.ts';
import { openStreamClient } from './senders.ts';

export type Resume = {
  readonly events: number;
  readonly conversations: number;
  /** Messages with events. */
  readonly messages: number;
  /** Statements until it was caught up, by what they read. */
  readonly statements: Readonly<Record<string, number>>;
  readonly ms: number;
};

const behind = { conversations: 50, events: 20 };

export async function resume(harness: Harness, settings: Readonly<Record<string, unknown>>): Promise<Resume> {
  console.error('  resume');
  const positions = await insertBacklog(harness.databaseUrl, behind);
  await using link = await openStatementsLink(harness.databaseUrl);
  const replica = await harness.replica({ ...settings, sql: { url: link.url } });
  let [events, messages] = [0, 0];
  const { close } = await openStreamClient({ port: replica.port, ca: harness.ca, token: await harness.token('early') }); // the code is compiled
  close();
  link.take();
  const beganMs = performance.now();
  const client = await openStreamClient({
    ...{ port: replica.port, ca: harness.ca, token: await harness.token('late'), positions },
    onEvents: (batch) => {
      messages++;
      events += batch.events.length;
    },
  });
  const ms = performance.now() - beganMs;
  const statements: Record<string, number> = {};
  for (const { text } of link.take()) {
    const what = kinds.find(([mark]) => text.includes(mark))?.[1] ?? text.slice(0, 60);
    if (what !== undefined) statements[what] = (statements[what] ?? 0) + 1;
  }
  client.close();
  await replica.stop();
  const expected = behind.conversations * behind.events;
  if (events !== expected) throw new Error(`A client that returned received ${events} events instead of ${expected}.`);
  return { events, conversations: behind.conversations, messages, statements, ms: Math.round(ms) };
}

/** What a statement reads, by a part of its text. */
const kinds: readonly (readonly [string, string])[] = [
  ['WITH ORDINALITY AS f', 'pages of missing events'],
  ['SELECT p.id FROM unnest', 'positions of another database'],
  ['chat_users', 'newest events'],
  ['muted_until', 'memberships'],
  ['sessions', 'sessions of all users'],
];
