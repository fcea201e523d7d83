import type { UseDatabase } from '../core/adapters/sql/database-access.ts';
import { sqlBlocks } from '../core/adapters/sql/safety/blocks.ts';
import type { Clock } from '../core/kit/clock.ts';
import type { Handler } from '../core/ports/call.ts';
import type { ChatAnnouncements } from '../core/ports/chat-announcements.ts';
import { safetyHandlers } from '../core/services/safety/safety-handlers.ts';
import type { Settings } from '../settings.ts';

export type SafetyWiring = { readonly handlers: Readonly<Record<string, Handler>> };

/** What users do against others who trouble them. */
export function wireSafety(
  { chat: { writesPerSecond } }: Settings,
  use: UseDatabase,
  { announcements, clock }: { readonly announcements: ChatAnnouncements; readonly clock: Clock },
): SafetyWiring {
  return { handlers: safetyHandlers({ blocks: sqlBlocks(use), announcements, writesPerSecond, nowMs: clock.monotonicMs }) };
}
