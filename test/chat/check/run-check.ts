// A check of chat in the manner of Jepsen: clients that send, come and go, while everything fails that can; then all is
// healed, and what is stored is held against what each client saw. At last an older backup is restored.
import { randomUUID } from 'node:crypto';
import { signIn } from '../../support/client/protocols.ts';
import { type ChatCalls, chatCalls, chatRegistry, kinds, roles } from '../../support/server/chat-server.ts';
import { seeded } from '../../support/time/seeded.ts';
import { until } from '../../support/time/until.ts';
import { type CheckClient, startClient } from './client.ts';
import type { DeviceParts } from './device.ts';
import { findBroken } from './find-broken.ts';
import { type History, historyOf } from './history.ts';
import { openCluster, openEmbedded, type World } from './world.ts';

export type CheckOptions = {
  readonly seed: number;
  readonly clients: number;
  /** 0: one with everything embedded. */
  readonly replicas: number;
  readonly seconds: number;
  /** Only these faults; default: all. */
  readonly faults?: readonly string[];
  /**
   * Of an older release, which one of the replicas is. It may know less of restored backups, so none is restored; and the
   * sync token of one release may be none of the other, which then sends all anew.
   */
  readonly olderRoot?: string;
  /** Called with what is done, and when. */
  readonly onStep?: (step: string) => void;
};
export type CheckResult = { readonly did: Readonly<Record<string, number>>; readonly broken: readonly string[] };

type Groups = ReadonlyMap<string, readonly string[]>;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const healMs = 60_000;
/** How long clients send after the restore. */
const restoredMs = 6_000;

export async function runCheck(options: CheckOptions): Promise<CheckResult> {
  const { seed, replicas, seconds, faults: wished, onStep = () => {} } = options;
  await using stack = new AsyncDisposableStack();
  const did: Record<string, number> = {};
  const beganMs = performance.now();
  const count = (what: string, n = 1) => {
    did[what] = (did[what] ?? 0) + n;
    onStep(`${((performance.now() - beganMs) / 1_000).toFixed(1)} s ${what}`);
  };
  const world = stack.use(replicas === 0 ? await openEmbedded(seed) : await openCluster(replicas, seed, options.olderRoot));
  const backup = options.olderRoot === undefined ? world.backup : undefined;
  const calls = chatCalls(world.replicas.server);
  const users = Array.from({ length: Math.ceil((options.clients * 2) / 3) }, (_, n) => `u${n}`); // each second one has two devices
  const groups = await makeGroups(calls, users);
  let isRestored = false;
  const clients = await startClients(world, options, {
    users,
    groups,
    isRestored: () => isRestored,
    mayBeReset: () => isRestored || options.olderRoot !== undefined,
  });
  stack.defer(async () => void (await Promise.all(clients.map((client) => client.stop()))));

  const random = seeded(seed * 31);
  const names = Object.keys(world.faults).filter((name) => wished?.includes(name) ?? true);
  const endMs = performance.now() + seconds * 1_000;
  let isHalf = false;
  while (performance.now() < endMs) {
    const fault = names[Math.floor(random() * names.length)] ?? '';
    await world.faults[fault]?.();
    count(fault);
    await pause(200 + random() * 600);
    if (isHalf || performance.now() < endMs - seconds * 500) continue;
    isHalf = true;
    await backup?.take();
    if (backup !== undefined) count('PostgreSQL backed up');
    await removeMember(calls, groups);
    count('member removed');
  }
  const sum = (of: (client: CheckClient) => number) => clients.reduce((all, client) => all + of(client), 0);
  const countMessages = () => {
    count(
      'messages acknowledged',
      sum(({ acknowledged }) => acknowledged.size),
    );
    count(
      'events kept',
      sum(({ events }) => [...events.values()].reduce((all, { size }) => all + size, 0)),
    );
  };
  count('healed');
  const broken = [...(await checkAll(world, clients, groups, calls))];
  if (backup !== undefined) {
    countMessages();
    isRestored = true;
    await backup.restore();
    count('older backup restored');
    await removeMember(calls, groups); // the backup may be from before
    for (const [n, client] of clients.entries()) client.afterRestore({ onSameStream: n % 4 < 2 }); // of each kind some stay
    await pause(restoredMs);
    broken.push(...(await checkAll(world, clients, groups, calls)).map((line) => `restored: ${line}`));
  }
  countMessages();
  return { did, broken: [...new Set(broken)] };
}

/** Conversations of all, of some, and one of which a member is removed. */
async function makeGroups(calls: ChatCalls, users: readonly string[]): Promise<Groups> {
  const group = async (members: readonly string[]) => {
    const [first = '', ...others] = members;
    return (await calls.call(first, 'CreateConversation', { kind: kinds.group, userIds: others, clientId: randomUUID() })).conversation.id as string;
  };
  const half = users.filter((_, n) => n % 2 === 0);
  const few = users.slice(0, 3);
  return new Map([
    [await group([...users, 'removed']), users],
    [await group(half), half],
    [await group(few), few],
  ]);
}

async function startClients(
  world: World,
  { seed, clients: clientsCount }: CheckOptions,
  { users, groups, ...resets }: { readonly users: readonly string[]; readonly groups: Groups } & Pick<DeviceParts, 'isRestored' | 'mayBeReset'>,
): Promise<readonly CheckClient[]> {
  const clients: CheckClient[] = [];
  const tops = new Map<string, number>();
  const { url, server } = world.replicas;
  for (const [n, user] of [...Array.from({ length: clientsCount }, (_, n) => users[n % users.length] ?? ''), 'removed', 'stranger'].entries()) {
    const tries = user === 'removed' || user === 'stranger';
    const conversations = [...groups].flatMap(([id, members]) => (tries || members.includes(user) ? [id] : []));
    const { headers } = await signIn(server, chatRegistry, user);
    const random = seeded(seed * 1_000 + n);
    const parts = { name: `${user}.${n}`, user, headers, conversations, random, url, ca: server.ca, ...resets, tops };
    clients.push(startClient({ ...parts, deaf: n === 1, byToken: n % 2 === 0 }));
  }
  return clients;
}

async function removeMember(calls: ChatCalls, groups: Groups): Promise<void> {
  const [[conversationId, [owner = '']] = ['', []]] = [...groups];
  const change = () => calls.try(owner, 'ChangeMembers', { conversationId, changes: [{ userId: 'removed', role: roles.none }] });
  // a call that the end of a replica cuts off has a status that its client made: it is made again
  const isRemoved = async () => (await change().catch(() => ({ reason: 'cut off' }))).reason === undefined;
  await until('a member is removed', isRemoved, healMs);
}

/** Ends what fails, waits until all is sent and received, and holds it against what is stored. */
async function checkAll(world: World, clients: readonly CheckClient[], members: Groups, calls: ChatCalls): Promise<readonly string[]> {
  world.heal();
  for (const client of clients) client.calm();
  const isAnswered = () => clients.every((client) => client.unanswered() === 0);
  await until('everything that was sent is answered', isAnswered, healMs).catch(() => {});
  const histories = new Map<string, History>();
  for (const [id, [first = '']] of members) histories.set(id, await historyOf(calls, first, id));
  const isWhole = (client: CheckClient) =>
    [...histories].every(([id, { length }]) => client.deaf || !members.get(id)?.includes(client.user) || client.events.get(id)?.has(length));
  await until('every client has the end of each of its conversations', () => clients.every(isWhole), healMs).catch(() => {});
  const unanswered = clients.flatMap((client) => (client.unanswered() === 0 ? [] : [`${client.name}: ${client.unanswered()} were never answered`]));
  return [...unanswered, ...world.replicas.died, ...(await findBroken({ clients, histories, members, calls }))];
}
