import type { Clock } from '../../kit/clock.ts';
import type { Limiter } from '../../kit/limiter.ts';
import type { ChatStore } from '../../ports/chat.ts';
import type { ChatAnnouncements } from '../../ports/chat-announcements.ts';
import type { Log } from '../../ports/log.ts';
import type { ChatActions } from './actions.ts';

/** What every chat stream of this replica uses. */
export type ChatParts = {
  readonly chat: ChatStore;
  readonly actions: ChatActions;
  readonly announcements: ChatAnnouncements;
  readonly recoveries: Limiter;
  readonly clock: Clock;
  readonly log: Log;
};
