import { randomUUID } from 'node:crypto';
import { metrics } from '@opentelemetry/api';
import { busAnnouncements } from '../core/adapters/chat/bus-announcements.ts';
import { sqlChat } from '../core/adapters/sql/chat/chat-store.ts';
import { openDatabaseAccess } from '../core/adapters/sql/database-access.ts';
import { sqlErasures } from '../core/adapters/sql/user-data/erasures.ts';
import { noSpans } from '../core/adapters/telemetry/short-spans.ts';
import type { ErasureReport, UserRecord } from '../core/ports/user-data.ts';
import { openErasing } from '../core/services/user-data/erase-users.ts';
import type { Settings } from '../settings.ts';
import { DependencyError } from './dependency-error.ts';
import { withFittingDatabase } from './migrations.ts';
import { silent } from './process-log.ts';
import { openSharedStores } from './shared-stores.ts';
import { systemClock } from './system-clock.ts';
import { userDataParts } from './user-data.ts';

const common = { clock: systemClock, log: silent, meter: metrics.getMeter('portico') }; // without exporters, it counts nothing

/** Erases a user with the configured stores, until it is done. Running servers learn of it from the stores. */
export function eraseUser(settings: Settings, userId: string, requestId: string, onReport: (report: ErasureReport) => void): Promise<ErasureReport> {
  return withParts(settings, async (parts, use) => {
    const erasing = openErasing({ erasures: sqlErasures(use), parts, opened: new Promise(() => {}), ...common });
    try {
      for (;;) {
        const report = await erasing.erase(userId, { requestId, waitMs: 2_000, signal: new AbortController().signal });
        if (report.doneAtMs !== undefined) return report;
        onReport(report);
      }
    } finally {
      await erasing.close();
    }
  });
}

/** Everything that the configured stores have of a user. */
export function exportUser(
  settings: Settings,
  userId: string,
  onRecord: (record: UserRecord & { readonly part: string }) => Promise<void>,
): Promise<void> {
  const { signal } = new AbortController();
  return withParts(settings, async (parts) => {
    for (const { name, export: exports } of parts) for await (const record of exports(userId, signal)) await onRecord({ part: name, ...record });
  });
}

function withParts<T>(
  settings: Settings,
  work: (parts: ReturnType<typeof userDataParts>, use: ReturnType<typeof openDatabaseAccess>['use']) => Promise<T>,
): Promise<T> {
  return withFittingDatabase(settings, async (db) => {
    const { use } = openDatabaseAccess(db);
    const shared = openSharedStores(settings, common);
    const announcements = busAnnouncements({ ...shared, ...common, chat: sqlChat(use), spans: noSpans, replica: randomUUID() });
    try {
      await shared.whenFit.catch((cause: unknown) => {
        throw new DependencyError(cause instanceof Error ? cause.message : String(cause), { cause });
      });
      return await work(userDataParts({ use, announcements, onEnded: async () => {} }), use); // servers read them in SQL
    } finally {
      announcements.close();
      shared.close();
    }
  });
}
