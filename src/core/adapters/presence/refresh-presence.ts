import type { Clock } from '../../kit/clock.ts';
import { StoreDown } from '../../kit/store-down.ts';
import type { Log } from '../../ports/log.ts';
import type { Presence, PresenceLimits, PresenceState } from '../../ports/presence.ts';
import {
  checkPresence,
  checkPresenceTopic,
  countEveryMs,
  usersPerStepMax,
  memberMs as usualMemberMs,
  refreshMs as usualRefreshMs,
} from '../../ports/presence-limits.ts';

type Local = {
  limits: PresenceLimits;
  /** The connections of each user at this replica. */
  readonly connections: Map<string, number>;
  /** Users of whom the store does not know yet what they are now. */
  readonly unsent: Set<string>;
  sending: Promise<void> | undefined;
  /** Until then some who left here may still be present: by the monotonic clock. */
  leavingUntilMs: number;
  cancel: () => void;
};

export type PresenceParts = {
  readonly clock: Clock;
  readonly log: Log;
  /** A name that no other process has or had: without spaces. */
  readonly replica: string;
  /** A replica repeats its users so often, and they are forgotten when it has not for so long. Milliseconds. */
  readonly refreshMs?: number;
  readonly memberMs?: number;
};

/** Topics whose users are repeated at the same time. */
const topicsAtOnce = 64;

/**
 * The users of this replica. The store receives what they are and not what happened: changes of one moment are one
 * step, and the next repetition replaces a step that was lost.
 */
export function presenceBy(store: PresenceStore, { clock, log, replica, refreshMs = usualRefreshMs, memberMs = usualMemberMs }: PresenceParts) {
  const topics = new Map<string, Local>();
  let closed = false;

  const send = async (topic: string, local: Local) => {
    while (local.unsent.size > 0) {
      const users = [...local.unsent].slice(0, usersPerStepMax);
      for (const user of users) local.unsent.delete(user);
      const isPresent = (user: string) => local.connections.has(user);
      const members = {
        replica,
        present: users.filter(isPresent),
        leaving: users.filter((user) => !isPresent(user)),
        limits: local.limits,
        memberMs,
      };
      await step(topic, local, members);
    }
    local.sending = undefined;
  };
  const step = async (topic: string, local: Local, members: Parameters<PresenceStore['apply']>[1]) => {
    if (members.leaving.length > 0) local.leavingUntilMs = clock.monotonicMs() + members.limits.leaveAfterMs + countEveryMs;
    const dueMs = await store.apply(topic, members).catch((error: unknown) => {
      // the next repetition says the same, and those who left end by their time
      if (!(error instanceof StoreDown)) log.error('Presence failed.', { topic, error });
      return undefined;
    });
    local.cancel();
    if (closed) return;
    const isEmpty = local.connections.size === 0 && local.unsent.size === 0;
    if (isEmpty && (dueMs === undefined || clock.monotonicMs() >= local.leavingUntilMs)) {
      if (topics.get(topic) === local) topics.delete(topic); // another step may have done so, and others have come since
    } else if (dueMs !== undefined) local.cancel = clock.after(dueMs, () => void look(topic, local));
  };
  /** Lets those leave whose time is over. */
  const look = (topic: string, local: Local) => step(topic, local, { replica, present: [], leaving: [], limits: local.limits, memberMs });
  const soon = (topic: string, local: Local): Promise<void> => {
    // all changes of this turn of the event loop are one step
    local.sending ??= new Promise<void>((turn) => setImmediate(turn)).then(() => send(topic, local));
    return local.sending;
  };
  const repeat = async () => {
    const all = [...topics].filter(([, { connections }]) => connections.size > 0);
    for (let i = 0; i < all.length && !closed; i += topicsAtOnce)
      await Promise.all(
        all.slice(i, i + topicsAtOnce).map(([topic, local]) => {
          for (const user of local.connections.keys()) local.unsent.add(user);
          return soon(topic, local);
        }),
      );
  };
  let cancelRepeat = () => {};
  const repeatLater = () => {
    cancelRepeat = clock.after(refreshMs, () => {
      repeatLater();
      void repeat();
    });
  };
  repeatLater();

  const presence: Presence = {
    join: async (topic, userId, limits) => {
      checkPresenceTopic(topic);
      checkPresence(userId, limits);
      const local: Local = topics.get(topic) ?? {
        limits,
        connections: new Map(),
        unsent: new Set(),
        sending: undefined,
        leavingUntilMs: 0,
        cancel: () => {},
      };
      topics.set(topic, local);
      local.limits = limits;
      const before = local.connections.get(userId) ?? 0;
      local.connections.set(userId, before + 1);
      if (before === 0) local.unsent.add(userId);
      let left = false;
      const leave = async () => {
        if (left) return;
        left = true;
        const connections = (local.connections.get(userId) ?? 0) - 1;
        if (connections > 0) local.connections.set(userId, connections);
        else {
          local.connections.delete(userId);
          local.unsent.add(userId);
          await soon(topic, local);
        }
      };
      if (local.unsent.has(userId) || local.sending !== undefined) await soon(topic, local);
      return { leave };
    },
    state: async (topic) => {
      checkPresenceTopic(topic);
      return store.state(topic);
    },
    close: () => {
      closed = true;
      cancelRepeat();
      for (const { cancel } of topics.values()) cancel();
    },
  };
  return { presence, /** Says again who is present here. */ repeat };
}

/** What the users of one replica on one topic are now. */
export type Members = {
  readonly replica: string;
  readonly present: readonly string[];
  /** They were present, and their last connection at this replica has ended. */
  readonly leaving: readonly string[];
  readonly limits: PresenceLimits;
  /** For how long they count without a repetition. */
  readonly memberMs: number;
};

/** Where the users of all replicas are kept. Each step also lets those leave whose time is over. */
export type PresenceStore = {
  /**
   * @returns after how many milliseconds there is something to do: somebody's time is over, or a number is announced
   */
  apply(topic: string, members: Members): Promise<number | undefined>;
  state(topic: string): Promise<PresenceState>;
};
