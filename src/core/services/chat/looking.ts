import type { Looking } from '../../../gen/portico/v1/chat.ts';
import { Fault } from '../../kit/fault.ts';
import type { ChatStore } from '../../ports/chat.ts';
import type { Announced, ChatAnnouncements } from '../../ports/chat-announcements.ts';
import type { Log } from '../../ports/log.ts';
import { isDefect } from '../../streams/close-advice.ts';
import type { Stream } from '../../streams/stream.ts';
import { canonicalId } from './canonical-ids.ts';
import type { ConversationPresences } from './conversation-presence.ts';

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
