import type { Clock } from '../../kit/clock.ts';
import { StoreDown } from '../../kit/store-down.ts';
import { pause } from '../../kit/until-called.ts';
import type { Log } from '../../ports/log.ts';
import { type Presence, type PresenceLimits, presenceChangeOf, presenceTopicOf } from '../../ports/presence.ts';
import type { TopicEvent, TopicPosition } from '../../ports/topic-log.ts';
import { passesInTurns, type Turns } from '../../streams/event-loop-turns.ts';
import type { Stream } from '../../streams/stream.ts';
import { encode, positionOut } from './encode-live.ts';
import type { Feed } from './topic-feed.ts';

/** Who is on the topics that clients of this replica listen to. */
export type Presences = {
  /** Counts a connection of a user. @returns ends it */
  join(topic: string, userId: string, limits: PresenceLimits): () => void;
  /** Sends a client the state and its changes; a slow client only the newest state. @returns ends it */
  watch(topic: string, out: Stream['out']): () => void;
};

type PresencesParts = {
  readonly presence: Presence;
  readonly feeds: { of(topic: string): Feed };
  readonly turns: Turns;
  readonly clock: Clock;
  readonly log: Log;
};

/** The presence of one topic, for all clients of this replica that watch it. */
type Group = { readonly members: Set<Member>; add(member: Member): void; close(): void };
type Member = {
  readonly out: Stream['out'];
  /** Undefined: it is sent changes. Otherwise it waits for the state. */
  stopWaiting: (() => void) | undefined;
  /** The position of the last state that it was sent. */
  state: TopicPosition | undefined;
};

const againMs = 1_000;
/** Changes that wait while the state is read. Beyond them it is read once more. */
const laterMax = 1_000;
/** Changes that wait for their turns. Beyond them all members are sent the state. */
const changesMax = 100;

export function openPresences(parts: PresencesParts): Presences {
  const groups = new Map<string, Group>();
  return {
    join: (topic, userId, limits) => {
      const joined = parts.presence.join(topic, userId, limits);
      joined.catch((error: unknown) => parts.log.warn('A user is not counted as present.', { topic, error }));
      return () => void joined.then(({ leave }) => leave()).catch(() => {}); // it never joined: that was reported
    },
    watch: (topic, out) => {
      const group = groups.get(topic) ?? openTopicPresence(topic, parts);
      groups.set(topic, group);
      const member: Member = { out, stopWaiting: undefined, state: undefined };
      group.add(member);
      return () => {
        member.stopWaiting?.();
        if (!group.members.delete(member) || group.members.size > 0) return;
        groups.delete(topic);
        group.close();
      };
    },
  };
}

/** Reads the state once, and then applies the log of changes to it. Each message is encoded once for all members. */
function openTopicPresence(topic: string, { presence, feeds, turns, clock, log }: PresencesParts): Group {
  const members = new Set<Member>();
  const passing = passesInTurns<Member>(turns);
  const leaving = new AbortController();
  const feed = feeds.of(presenceTopicOf(topic));
  let position: TopicPosition | undefined; // undefined: the state is being read
  let count = 0;
  let users: Set<string> | undefined;
  let later: TopicEvent[] = [];
  let message: Uint8Array | undefined;

  const state = () => {
    const value = { topic, position: position && positionOut(position), count, listed: users !== undefined, users: [...(users ?? [])] };
    message ??= encode({ $case: 'presenceState', value });
    return message;
  };
  const sendState = (member: Member) => {
    if (position === undefined || member.stopWaiting !== undefined || !members.has(member)) return;
    let sent = false;
    const stop = member.out.onRoom(() => {
      sent = true;
      member.stopWaiting = undefined;
      if (position === undefined) return; // the one that is being read is sent to all
      member.state = position;
      member.out.send(state(), 0);
    });
    if (!sent) member.stopWaiting = stop;
  };
  const sendAll = () => {
    passing.clear(); // the state has it
    passing.begin(members, sendState);
  };
  const sendChange = (joined: string[], left: string[]) => {
    if (passing.waiting() >= changesMax) return sendAll();
    const at = position;
    const change = encode({ $case: 'presenceChange', value: { topic, position: at && positionOut(at), count, joined, left } });
    passing.begin(members, (member) => {
      if (at === undefined || !members.has(member) || (member.state?.epoch === at.epoch && member.state.offset >= at.offset)) return;
      if (member.stopWaiting === undefined && member.out.hasRoom()) member.out.send(change, 0);
      else sendState(member);
    });
  };
  /**
   * Applies events to the state. @returns the users whose presence has changed, undefined where that cannot be said
   * @throws Error for events that are not the next ones, or are of another release
   */
  const apply = (events: readonly TopicEvent[]): ReadonlyMap<string, 'join' | 'leave'> | undefined => {
    let changed: Map<string, 'join' | 'leave'> | undefined = new Map();
    for (const event of events) {
      if (event.position.epoch !== position?.epoch) throw new Error('The log of changes has begun anew.');
      if (event.position.offset <= position.offset) continue; // the state has it
      const change = presenceChangeOf(event);
      if (change === undefined) throw new Error('The change is of another release.');
      position = event.position;
      count = change.count;
      message = undefined;
      if (change.kind === 'join' || change.kind === 'leave') {
        if (change.kind === 'join') users?.add(change.userId);
        else users?.delete(change.userId);
        changed?.set(change.userId, change.kind);
      } else {
        users = change.kind === 'users' ? new Set(change.users) : undefined;
        changed = undefined;
      }
    }
    return changed;
  };
  const take = (events: readonly TopicEvent[]) => {
    try {
      const changed = apply(events);
      if (changed === undefined) sendAll();
      else if (changed.size > 0) sendChange(of('join', changed), of('leave', changed));
    } catch {
      void load(); // the new state includes it
    }
  };
  const load = async (): Promise<void> => {
    position = undefined;
    later = [];
    await feed.opened;
    while (!leaving.signal.aborted) {
      try {
        const found = await presence.state(topic);
        if (leaving.signal.aborted) return;
        ({ position, count } = found);
        users = found.users && new Set(found.users);
        message = undefined;
        const waited = later;
        later = [];
        if (waited.length <= laterMax) {
          apply(waited);
          return sendAll();
        }
      } catch (error) {
        if (!(error instanceof StoreDown)) log.debug('Presence is read again.', { topic, error });
      }
      position = undefined;
      await pause(clock, againMs, leaving.signal);
    }
  };
  const unfollow = feed.follow({
    onBatch: ({ events }) => {
      if (position === undefined) later.push(...(later.length > laterMax ? [] : events));
      else take(events);
    },
    onLost: () => {
      if (position !== undefined) void load();
    },
  });
  void load();
  return {
    members,
    add: (member) => {
      members.add(member);
      sendState(member);
    },
    close: () => {
      leaving.abort();
      unfollow();
    },
  };
}

function of(kind: 'join' | 'leave', changed: ReadonlyMap<string, 'join' | 'leave'>): string[] {
  return [...changed].flatMap(([user, last]) => (last === kind ? [user] : []));
}
