import { Fault } from '../../kit/fault.ts';
import { openRate } from '../../kit/rate-limit.ts';
import type { PostOfUser } from './review-by-hook.ts';
import type { ChatActions } from './store-then-announce.ts';

/** What one user may do at this replica. */
export type UserLimits = {
  /** Messages and other changes in a second, on average; ten times as many at once. */
  readonly writesPerSecond: number;
  /** Users whom the user brings into conversations, or gives another role, in an hour, on average, and at once. */
  readonly additionsPerHour: number;
};

/** How a user may search. */
export type SearchRules = {
  /** A text search configuration of PostgreSQL. */
  readonly language: string;
  /** Counts one page. @throws Fault SEARCHES_TOO_MANY */
  take(userId: string): void;
};

/** @param perMinute pages of one user at this replica, on average, and at once */
export function searchRules({ language, perMinute }: { readonly language: string; readonly perMinute: number }, nowMs: () => number): SearchRules {
  const searches = openRate({ perSecond: perMinute / 60, burst: perMinute }, nowMs);
  return {
    language,
    take: (userId) => {
      if (searches.take(userId)) return;
      const metadata = { most: String(perMinute) };
      throw new Fault('SEARCHES_TOO_MANY', `A user searches ${perMinute} times in a minute at most.`, { metadata, retryAfterMs: 60_000 / perMinute });
    },
  };
}

const writeBurstS = 10;
const hourS = 3_600;

/**
 * What users do, counted before anything is asked or stored. Internal services have no such limit, and neither has
 * leaving. Receipts on a stream have that of its messages.
 * @returns the same, throwing Fault MESSAGES_TOO_MANY and ADDITIONS_TOO_MANY besides
 */
export function limitUsers(
  actions: ChatActions,
  post: PostOfUser,
  { writesPerSecond, additionsPerHour }: UserLimits,
  nowMs: () => number,
): { readonly actionsOfUser: ChatActions; readonly postOfUser: PostOfUser } {
  const writes = openRate({ perSecond: writesPerSecond, burst: writeBurstS * writesPerSecond }, nowMs);
  const additions = openRate({ perSecond: additionsPerHour / hourS, burst: additionsPerHour }, nowMs);
  const write = (userId: string) => {
    if (writes.take(userId)) return;
    const metadata = { most: String(writesPerSecond) };
    throw new Fault('MESSAGES_TOO_MANY', `A user sends and changes ${writesPerSecond} times in a second at most.`, { metadata, retryAfterMs: 1_000 });
  };
  /** What has changed nothing, such as a repeat, does not count. */
  const adding = async <T>(userId: string, people: number, add: () => Promise<T>, hasChanged: (added: T) => boolean): Promise<T> => {
    write(userId);
    if (!additions.take(userId, people)) {
      const retryAfterMs = Math.ceil((1_000 * hourS * people) / additionsPerHour);
      const metadata = { most: String(additionsPerHour) };
      throw new Fault('ADDITIONS_TOO_MANY', `A user adds ${additionsPerHour} people in an hour at most.`, { metadata, retryAfterMs });
    }
    let changed = false;
    try {
      const added = await add();
      changed = hasChanged(added);
      return added;
    } finally {
      if (!changed) additions.giveBack(userId, people);
    }
  };
  return {
    postOfUser: async (conversationId, entry, call) => {
      write(entry.sender.id);
      return post(conversationId, entry, call);
    },
    actionsOfUser: {
      ...actions,
      create: (wish) => {
        const others = Math.max(1, wish.members.length - 1);
        const create = () => actions.create(wish);
        return adding(wish.createdBy.id, others, create, ({ event }) => event !== undefined);
      },
      changeMembers: async (conversationId, by, changes) => {
        const people = changes.filter(({ role }) => role !== undefined).length;
        const change = () => actions.changeMembers(conversationId, by, changes);
        if (people > 0) return adding(by.id, people, change, (event) => event !== undefined);
        if (changes.some(({ userId }) => userId !== by.id)) write(by.id);
        return change();
      },
      receive: async (receipt) => {
        write(receipt.userId);
        return actions.receive(receipt);
      },
      change: async (userId, ...rest) => {
        write(userId);
        return actions.change(userId, ...rest);
      },
    },
  };
}
