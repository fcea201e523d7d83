import type { Clock } from '../../kit/clock.ts';
import { type Presence, presenceTopicOf } from '../../ports/presence.ts';
import { changesKept, countEveryMs, relistFrom } from '../../ports/presence-limits.ts';
import type { NewEvent, TopicLog } from '../../ports/topic-log.ts';
import { publishEventsMax } from '../../ports/topic-log-limits.ts';
import { type PresenceParts, type PresenceStore, presenceBy } from '../presence/refresh-presence.ts';

/** Everyone on one topic. */
type Shared = {
  /** By "replica user": until when the user counts there. */
  readonly members: Map<string, number>;
  /** At how many replicas each user is. */
  readonly users: Map<string, number>;
  listMax: number;
  listed: boolean;
  announced: number;
  announcedAtMs: number;
};

/** Presence of a single replica. @param topics has the changes */
export function memoryPresence(parts: PresenceParts & { readonly topics: TopicLog }): Presence {
  return presenceBy(memoryPresenceStore(parts), parts).presence;
}

/** Also for several replicas of a test. */
export function memoryPresenceStore({ clock, topics }: { readonly clock: Clock; readonly topics: TopicLog }): PresenceStore {
  const shared = new Map<string, Shared>();
  const of = (topic: string): Shared =>
    shared.get(topic) ?? { members: new Map(), users: new Map(), listMax: 0, listed: true, announced: 0, announcedAtMs: 0 };

  const join = ({ members, users }: Shared, [member, user]: readonly [string, string], memberMs: number): Change[] => {
    const known = members.has(member);
    members.set(member, clock.nowMs() + memberMs);
    if (known) return [];
    users.set(user, (users.get(user) ?? 0) + 1);
    return users.get(user) === 1 ? [{ kind: 'join', user }] : [];
  };
  const sweep = ({ members, users }: Shared): Change[] =>
    [...members].flatMap(([member, untilMs]) => {
      if (clock.nowMs() < untilMs) return [];
      members.delete(member);
      const user = member.slice(member.indexOf(' ') + 1);
      const left = (users.get(user) ?? 1) - 1;
      if (left > 0) users.set(user, left);
      else users.delete(user);
      return left > 0 ? [] : [{ kind: 'leave', user }];
    });
  /** @returns what is announced of the changes, and when there is more to do */
  const announced = (on: Shared, changes: readonly Change[]) => {
    const count = on.users.size;
    const before = on.listed;
    on.listed = count <= (before ? on.listMax : Math.floor(on.listMax * relistFrom));
    const counted = () => {
      on.announced = count;
      on.announcedAtMs = clock.nowMs();
      return event(['count', count], before ? 'list' : 'count');
    };
    if (on.listed && before) return { events: changes.map(({ kind, user }) => event([kind, count, user], `u:${user}`)), dueMs: undefined };
    if (on.listed) return { events: [event(['users', count, [...on.users.keys()]], 'list')], dueMs: undefined };
    if (before) return { events: [counted()], dueMs: undefined };
    if (on.announced === count) return { events: [], dueMs: undefined };
    const dueMs = on.announcedAtMs + countEveryMs - clock.nowMs();
    return dueMs > 0 ? { events: [], dueMs } : { events: [counted()], dueMs: undefined };
  };
  /** Synchronous up to the last publish, so that no other step is between a change and its event. */
  const step = (topic: string, change: (on: Shared) => Change[]) => {
    const on = of(topic);
    const { events, dueMs } = announced(on, [...change(on), ...sweep(on)]);
    if (on.members.size > 0 || dueMs !== undefined) shared.set(topic, on);
    else shared.delete(topic);
    const name = presenceTopicOf(topic);
    const published: Promise<unknown>[] = [];
    for (let i = 0; i < events.length; i += publishEventsMax)
      published.push(topics.publish(name, events.slice(i, i + publishEventsMax), changesKept));
    let nextMs = dueMs ?? Number.POSITIVE_INFINITY;
    for (const untilMs of on.members.values()) nextMs = Math.min(nextMs, untilMs - clock.nowMs());
    return { on, dueMs: Number.isFinite(nextMs) ? nextMs : undefined, published: Promise.all(published) };
  };
  return {
    apply: async (topic, { replica, present, leaving, limits, memberMs }) => {
      const { dueMs, published } = step(topic, (on) => {
        on.listMax = limits.listMax;
        for (const user of leaving)
          if (on.members.has(`${replica} ${user}`)) on.members.set(`${replica} ${user}`, clock.nowMs() + limits.leaveAfterMs);
        return present.flatMap((user) => join(on, [`${replica} ${user}`, user], memberMs));
      });
      await published;
      return dueMs;
    },
    state: async (topic) => {
      const { on, published } = step(topic, () => []);
      const state = { count: on.users.size, users: on.listed ? [...on.users.keys()] : undefined };
      const position = topics.top(presenceTopicOf(topic));
      await published;
      return { ...state, position: await position };
    },
  };
}

type Change = { readonly kind: 'join' | 'leave'; readonly user: string };

/** As `presenceChangeOf` reads it. */
function event(change: readonly [kind: string, count: number, subject?: string | readonly string[]], key: string): NewEvent {
  return { payload: Buffer.from(JSON.stringify(change)), key };
}
