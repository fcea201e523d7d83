import { randomUUID } from 'node:crypto';
import { metrics } from '@opentelemetry/api';
import { busAnnouncements } from '../core/adapters/chat/bus-announcements.ts';
import { sqlChat } from '../core/adapters/sql/chat/chat-store.ts';
import { openDatabaseAccess } from '../core/adapters/sql/database-access.ts';
import { sqlErasures } from '../core/adapters/sql/user-data/erasures.ts';
import { noSpans } from '../core/adapters/telemetry/messaging-spans.ts';
import type { UserDataPart } from '../core/ports/user-data.ts';
import { type Erasing, openErasing } from '../core/services/user-data/erase-users.ts';
import { ownOfUsers } from '../core/services/user-data/scopes-and-topics.ts';
import type { Settings } from '../settings.ts';
import { DependencyError } from './dependency-error.ts';
import { withFittingDatabase } from './migrations.ts';
import { silent } from './process-log.ts';
import { openSharedStores } from './shared-stores.ts';
import { systemClock } from './system-clock.ts';
import { userDataParts } from './user-data.ts';

const common = { clock: systemClock, log: silent, meter: metrics.getMeter('portico') }; // without exporters, it counts nothing

/** What the configured stores have of users. Running servers learn from them of what was erased. */
export type UserDataForCommands = Pick<Erasing, 'erase'> & { readonly parts: readonly UserDataPart[] };

export function withUserData<T>(settings: Settings, work: (userData: UserDataForCommands) => Promise<T>): Promise<T> {
  return withFittingDatabase(settings, async (db) => {
    const { use } = openDatabaseAccess(db);
    const shared = openSharedStores(settings, common);
    const announcements = busAnnouncements({ ...shared, ...common, chat: sqlChat(use), spans: noSpans, replica: randomUUID() });
    const copies = settings.redis === undefined ? {} : shared.ofUsers(ownOfUsers(settings)); // else they are in the memory of a server
    const parts = userDataParts({ ...shared, use, announcements, onEnded: async () => {}, copies }); // servers read in SQL what has ended
    const alone = { forget: async () => {}, hasReplicas: settings.redis !== undefined, opened: new Promise<void>(() => {}) };
    const erasing = openErasing({ erasures: sqlErasures(use), parts, secondPassAfterMs: settings.privacy.secondPassAfter, ...alone, ...common });
    try {
      await shared.whenFit.catch((cause: unknown) => {
        throw new DependencyError(cause instanceof Error ? cause.message : String(cause), { cause });
      });
      return await work({ erase: erasing.erase, parts });
    } finally {
      await erasing.close();
      announcements.close();
      shared.close();
    }
  });
}
