import type { Looking } from '../../../gen/portico/v1/chat.ts';
import type { Clock } from '../../kit/clock.ts';
import { Fault } from '../../kit/fault.ts';
import { pause } from '../../kit/until-called.ts';
import type { ChatStore } from '../../ports/chat.ts';
import type { Announced, ChatAnnouncements } from '../../ports/chat-announcements.ts';
import type { Log } from '../../ports/log.ts';
import { type Presence, type PresenceLimits, type PresenceState, presenceTopicOf } from '../../ports/presence.ts';
import type { TopicLog } from '../../ports/topic-log.ts';
import { isDefect } from '../../streams/close-advice.ts';
import type { Stream } from '../../streams/stream.ts';
import { canonicalId, encode } from './encode-chat.ts';

/** Who looks at the conversations that clients of this replica show. */
export type ConversationPresences = {
  /** Counts a member as present, and sends the client who is, whenever that changes. @returns ends both */
  show(conversationId: string, userId: string, out: Stream['out']): () => void;
  /** Users have blocked each other, or do so no more: others are seen now. */
  changed(conversationId: string): void;
};

export type PresencesParts = {
  readonly presence: Presence;
  readonly topics: Pick<TopicLog, 'follow'>;
  readonly chat: Pick<ChatStore, 'blocksBetween'>;
  readonly limits: PresenceLimits;
  readonly clock: Clock;
  readonly log: Log;
};

type Viewer = {
  readonly userId: string;
  readonly out: Stream['out'] /** What was sent last, as text. */;
  sent: string;
  stopWaiting: (() => void) | undefined;
};
type Group = { readonly viewers: Set<Viewer>; changed(): void; close(): void };

/** No topic of live updates has this name: theirs have a colon behind a namespace. */
const topicOf = (conversationId: string) => `~chat/${conversationId}`;
/** All changes of this time are one message, so that a crowd costs no square of its number. Milliseconds. */
const everyMs = 1_000;
/** The state is read again after so long, because an announcement may be lost. Milliseconds. */
const lookMs = 40_000;

export function openConversationPresences(parts: PresencesParts): ConversationPresences {
  const { presence, limits, log } = parts;
  const groups = new Map<string, Group>();
  return {
    changed: (conversationId) => groups.get(conversationId)?.changed(),
    show: (conversationId, userId, out) => {
      const joined = presence.join(topicOf(conversationId), userId, limits);
      joined.catch((error: unknown) => log.warn('A user is not counted as present.', { conversationId, error }));
      const group = groups.get(conversationId) ?? openViewers(conversationId, parts);
      groups.set(conversationId, group);
      const viewer: Viewer = { userId, out, sent: '', stopWaiting: undefined };
      group.viewers.add(viewer);
      joined.then(group.changed, group.changed);
      return () => {
        void joined.then(({ leave }) => leave()).catch(() => {}); // it never joined: that was reported
        viewer.stopWaiting?.();
        if (!group.viewers.delete(viewer) || group.viewers.size > 0) return;
        groups.delete(conversationId);
        group.close();
      };
    },
  };
}

/** Reads who is present after each change, and sends each viewer what it may see. */
function openViewers(conversationId: string, { presence, topics, chat, clock, log }: PresencesParts): Group {
  const topic = topicOf(conversationId);
  const viewers = new Set<Viewer>();
  const leaving = new AbortController();
  const { signal } = leaving;
  let asked = 0;
  let working = false;
  let cancelLook = () => {};

  const changed = () => {
    asked++;
    if (!working) void work();
  };
  const work = async () => {
    working = true;
    for (let done = -1; !signal.aborted && done < asked; ) {
      const now = asked;
      try {
        await sendAll(await presence.state(topic));
        done = now;
      } catch (error) {
        log.debug('Presence in a conversation is read again.', { conversationId, error }); // what is not verified is not sent
      }
      await pause(clock, everyMs, signal);
    }
    working = false;
    cancelLook();
    if (!signal.aborted) cancelLook = clock.after(lookMs, changed);
  };
  const sendAll = async ({ count, users }: PresenceState) => {
    const present = [...(users ?? [])].sort();
    const looking = [...new Set([...viewers].map(({ userId }) => userId))];
    const both = [...new Set([...present, ...looking])];
    const blocks = users === undefined ? [] : await chat.blocksBetween(both, both);
    const apart = blocks.flatMap(({ userId, blockedId }) => [[userId, blockedId] as const, [blockedId, userId] as const]);
    const unseen = Map.groupBy(apart, ([viewerId]) => viewerId);
    const messages = new Map<string, Uint8Array>();
    for (const viewer of viewers) {
      const hidden = new Set(unseen.get(viewer.userId)?.map(([, userId]) => userId));
      const seen = present.filter((userId) => !hidden.has(userId));
      const value = { conversationId, count: users === undefined ? count : seen.length, listed: users !== undefined, users: seen };
      const text = JSON.stringify(value);
      if (text === viewer.sent || viewer.stopWaiting !== undefined) continue;
      if (!viewer.out.hasRoom()) wait(viewer);
      else {
        const message = messages.get(text) ?? encode({ $case: 'presence', value });
        messages.set(text, message);
        viewer.sent = text;
        viewer.out.send(message, 0);
      }
    }
  };
  /** A slow client gets the newest state when it can. */
  const wait = (viewer: Viewer) => {
    let isNow = true;
    const stop = viewer.out.onRoom(() => {
      isNow = false;
      viewer.stopWaiting = undefined;
      changed();
    });
    if (isNow) viewer.stopWaiting = stop;
  };
  const follow = async () => {
    const subscription = await topics.follow(presenceTopicOf(topic), { onEvent: changed, onGap: changed }, signal);
    if (signal.aborted) subscription.close();
    else signal.addEventListener('abort', () => subscription.close(), { once: true });
    changed();
  };
  follow().catch((error: unknown) => {
    if (!signal.aborted) log.warn('Presence in a conversation is not followed.', { conversationId, error });
  });
  return {
    viewers,
    changed,
    close: () => {
      leaving.abort();
      cancelLook();
    },
  };
}

export type LookingParts = {
  readonly chat: Pick<ChatStore, 'members'>;
  readonly announcements: Pick<ChatAnnouncements, 'follow'>;
  readonly presences: ConversationPresences;
  readonly log: Log;
};

/** The conversations that one client shows: it sees who else looks at them, for as long as its user is a member. */
export function lookingOf(
  stream: Pick<Stream, 'out' | 'signal' | 'mayBegin'>,
  userId: string,
  { chat, announcements, presences, log }: LookingParts,
): { look(looking: Looking): void; close(): void } {
  const shown = new Map<string, () => void>();

  const stop = (id: string) => {
    shown.get(id)?.();
    shown.delete(id);
  };
  const begin = (id: string) => {
    let end = () => {};
    let isMember = false;
    const isShown = () => shown.get(id) === close;
    /** Anew when something may have been missed. Before it is known that the user is a member, nothing is sent. */
    const verify = async () => {
      try {
        await chat.members(userId, id, { most: 1, afterId: '' });
        if (isMember || !isShown()) return;
        isMember = true;
        end = presences.show(id, userId, stream.out);
      } catch (error) {
        if (isDefect(error)) log.error('Presence in a conversation failed by a defect.', { error });
        const isDown = error instanceof Fault && error.reason === 'STORAGE_DOWN'; // it is asked again
        if (!isDown && isShown()) stop(id);
      }
    };
    const onAnnounced = ({ left = [] }: Announced) => {
      if (!left.includes(userId) || !isShown()) return;
      stop(id);
      begin(id); // it may have been the late end of an earlier membership
    };
    const close = () => {
      unfollow();
      unfollowUser();
      end();
    };
    shown.set(id, close);
    const onOwn = ({ seqs }: Announced) => {
      if (seqs === undefined) presences.changed(id); // perhaps a block
    };
    const unfollowUser = announcements.follow({ userId }, { onAnnounced: onOwn, onTop: () => {} });
    const unfollow = announcements.follow({ conversationId: id }, { onAnnounced, onTop: () => void verify() });
  };
  return {
    look: ({ conversationIds }) => {
      const wished = new Set(conversationIds.map(canonicalId));
      for (const id of shown.keys()) if (!wished.has(id)) stop(id);
      for (const id of wished) if (!shown.has(id) && !stream.signal.aborted && stream.mayBegin()) begin(id);
    },
    close: () => {
      for (const id of shown.keys()) stop(id);
    },
  };
}
