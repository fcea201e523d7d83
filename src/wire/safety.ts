import { startExpiring } from '../core/adapters/sql/chat/expire-events.ts';
import type { UseDatabase } from '../core/adapters/sql/database-access.ts';
import { sqlBlocks } from '../core/adapters/sql/safety/blocks.ts';
import { sqlReports } from '../core/adapters/sql/safety/reports.ts';
import type { Handler } from '../core/ports/call.ts';
import type { ChatAnnouncements } from '../core/ports/chat-announcements.ts';
import { type DeliverReportsParts, startDelivering } from '../core/services/safety/deliver-reports.ts';
import { safetyHandlers } from '../core/services/safety/safety-handlers.ts';
import type { Settings } from '../settings.ts';

export type SafetyWiring = { readonly handlers: Readonly<Record<string, Handler>>; close(): Promise<void> };
type Parts = Omit<DeliverReportsParts, 'reports' | 'settings'> & { readonly announcements: ChatAnnouncements };

/** What users do against others who trouble them. */
export function wireSafety({ chat }: Settings, use: UseDatabase, { announcements, ...parts }: Parts): SafetyWiring {
  const [blocks, reports] = [sqlBlocks(use), sqlReports(use)];
  const limits = { writesPerSecond: chat.writesPerSecond, reportsPerHour: chat.reports?.perHour, nowMs: parts.clock.monotonicMs };
  const handlers = safetyHandlers({ blocks, reports, announcements, ...limits });
  const stopExpiring = startExpiring(use, { ...parts, retention: chat.retention });
  const stopDelivering = chat.reports && startDelivering({ ...parts, reports, settings: chat.reports });
  const close = async () => {
    stopExpiring();
    await stopDelivering?.();
  };
  return { handlers, close };
}
