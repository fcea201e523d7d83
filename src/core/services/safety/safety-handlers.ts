import { SafetyServiceDefinition } from '../../../gen/portico/v1/safety.ts';
import { Fault } from '../../kit/fault.ts';
import { pageOf, pageSizeOf } from '../../kit/page-token.ts';
import { openRate } from '../../kit/rate-limit.ts';
import type { Blocks } from '../../ports/blocks.ts';
import type { Handler, ReadyCall } from '../../ports/call.ts';
import type { ChatAnnouncements } from '../../ports/chat-announcements.ts';
import type { Reports } from '../../ports/reports.ts';
import { userOf } from '../../streams/stream-service.ts';
import { serviceHandlers } from '../service-handlers.ts';
import { reasonIn } from './report-enums.ts';

export type SafetyParts = {
  readonly blocks: Blocks;
  readonly reports: Pick<Reports, 'report'>;
  /** Reports of one user in an hour at this replica, on average, and at once. Undefined: nobody receives any. */
  readonly reportsPerHour: number | undefined;
  readonly announcements: Pick<ChatAnnouncements, 'announce'>;
  /** Changes of one user in a second at this replica, on average; ten times as many at once. */
  readonly writesPerSecond: number;
  readonly nowMs: () => number;
};

/** Users of one page. */
const pageMax = 100;
const nothing = new Uint8Array(0);

/** The handlers of portico.v1.SafetyService, by method. */
export function safetyHandlers({
  blocks,
  reports,
  reportsPerHour,
  announcements,
  writesPerSecond,
  nowMs,
}: SafetyParts): Readonly<Record<string, Handler>> {
  /** Both: the one reads the own changes again, and who is present is asked anew for both. */
  const announce = (...userIds: readonly string[]) => {
    for (const userId of userIds) announcements.announce({ userId }, { message: nothing });
  };
  const writes = openRate({ perSecond: writesPerSecond, burst: 10 * writesPerSecond }, nowMs);
  const writerOf = (call: ReadyCall): string => {
    const { userId } = userOf(call);
    if (writes.take(userId)) return userId;
    const metadata = { most: String(writesPerSecond) };
    throw new Fault('MESSAGES_TOO_MANY', `A user changes ${writesPerSecond} blocks in a second at most.`, { metadata, retryAfterMs: 1_000 });
  };
  const hourly = reportsPerHour === undefined ? undefined : openRate({ perSecond: reportsPerHour / 3_600, burst: reportsPerHour }, nowMs);
  return serviceHandlers(SafetyServiceDefinition, {
    blockUser: async ({ userId: blockedId }, call) => {
      const userId = writerOf(call);
      if (await blocks.block(userId, blockedId)) announce(userId, blockedId);
      return {};
    },
    unblockUser: async ({ userId: blockedId }, call) => {
      const userId = writerOf(call);
      if (await blocks.unblock(userId, blockedId)) announce(userId, blockedId);
      return {};
    },
    reportMessage: async ({ conversationId, seq, reason, comment }, call) => {
      const { userId } = userOf(call);
      if (hourly === undefined) throw new Fault('REPORTS_OFF', 'This server takes no reports: the setting `chat.reports` is not set.');
      if (!hourly.take(userId)) {
        const limit = { metadata: { most: String(reportsPerHour) }, retryAfterMs: Math.ceil(3_600_000 / (reportsPerHour ?? 1)) };
        throw new Fault('REPORTS_TOO_MANY', `A user reports ${reportsPerHour} messages in an hour at most.`, limit);
      }
      await reports.report(userId, { conversationId: conversationId.toLowerCase(), seq: Number(seq), reason: reasonIn(reason), comment });
      return {};
    },
    listBlockedUsers: async ({ pageSize, pageToken }, call) => {
      const most = pageSizeOf(pageSize, pageMax);
      const found = await blocks.list(userOf(call).userId, { most: most + 1, afterId: pageToken });
      const { page, nextPageToken } = pageOf(found, most, ({ userId }) => userId);
      return { users: page.map(({ userId, blockedAtMs }) => ({ userId, blockedAt: new Date(blockedAtMs) })), nextPageToken };
    },
  });
}
