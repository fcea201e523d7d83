import type { Clock } from '../../core/kit/clock.ts';
import type { ChatNotice, ChatState, Chatting } from '../chat/state.ts';
import { later } from '../chat/timeline.ts';
import { unreadOf } from '../chat/unread.ts';
import type { PushEvent } from './step.ts';

/**
 * What notices of the chat mean for pushes: how far the user has read on whatever device, and the badge. A push that
 * says it may come late, or never.
 */
export function countUnread(clock: Clock, dispatch: (event: PushEvent) => void): (notice: ChatNotice, state: ChatState) => void {
  /** By conversation, those that are not muted. */
  const unread = new Map<string, number>();
  const count = ({ conversation, ...more }: Chatting, userId: string) => {
    const { readSeq = 0n, mutedUntil } = conversation.own ?? {};
    dispatch({ type: 'read', conversationId: conversation.id, seq: later(more.readSeq, readSeq) });
    const isMuted = mutedUntil !== undefined && mutedUntil.getTime() > clock.nowMs();
    unread.set(conversation.id, isMuted ? 0 : unreadOf({ conversation, ...more }, userId));
  };
  return (notice, { phase, userId, conversations }) => {
    if (notice.kind === 'phase' && notice.phase === 'live') {
      unread.clear();
      for (const chatting of conversations.values()) count(chatting, userId);
    } else if (notice.kind === 'conversation' || notice.kind === 'events' || notice.kind === 'left') {
      const chatting = conversations.get(notice.conversationId);
      if (chatting === undefined) unread.delete(notice.conversationId);
      else count(chatting, userId);
    } else return;
    if (phase === 'live') dispatch({ type: 'unread', count: [...unread.values()].reduce((sum, each) => sum + each, 0) });
  };
}
