import type { Meter } from '@opentelemetry/api';
import type { UseDatabase } from '../core/adapters/sql/database-access.ts';
import { attachmentData } from '../core/adapters/sql/user-data/attachment-data.ts';
import { chatData } from '../core/adapters/sql/user-data/chat-data.ts';
import { sqlErasures } from '../core/adapters/sql/user-data/erasures.ts';
import { pushData } from '../core/adapters/sql/user-data/push-data.ts';
import { reportData } from '../core/adapters/sql/user-data/report-data.ts';
import { sessionData } from '../core/adapters/sql/user-data/session-data.ts';
import type { Clock } from '../core/kit/clock.ts';
import type { Bus } from '../core/ports/bus.ts';
import type { ChatAnnouncements } from '../core/ports/chat-announcements.ts';
import type { Log } from '../core/ports/log.ts';
import type { Revocations } from '../core/ports/revocations.ts';
import type { CopiesOfUsers, UserDataPart } from '../core/ports/user-data.ts';
import type { PublisherParts } from '../core/services/publisher/publisher-handlers.ts';
import { revokeTokensOf } from '../core/services/session/revocation-broadcast.ts';
import { copiesPart } from '../core/services/user-data/copies-part.ts';
import { openErasing } from '../core/services/user-data/erase-users.ts';
import { forgetErasedUsers, notifyReplicas } from '../core/services/user-data/forget-erased-users.ts';
import { ownOfUsers } from '../core/services/user-data/scopes-and-topics.ts';
import { eraseUserBy, exportUserBy } from '../core/services/user-data/user-data-handlers.ts';
import type { Settings } from '../settings.ts';
import type { WiredCache } from './cache.ts';
import type { SharedStores } from './shared-stores.ts';

export type UserDataStores = {
  readonly use: UseDatabase;
  readonly announcements: Pick<ChatAnnouncements, 'announce'>;
  /** These sessions of the user have ended. */
  readonly onEnded: (userId: string, sessionIds: readonly string[]) => Promise<void>;
  /** What is not in SQL, by the names of the parts. */
  readonly copies: Readonly<Record<string, CopiesOfUsers>>;
  readonly bus: Bus;
};

/** Where users' data are, in the order in which they are erased. A new part is a line here. */
export function userDataParts({ use, announcements: { announce }, onEnded, copies, bus }: UserDataStores): readonly UserDataPart[] {
  const erasures = sqlErasures(use);
  return [
    pushData(use),
    sessionData(use, onEnded),
    reportData(use),
    attachmentData(use),
    chatData(use, (subject, seqs) => announce(subject, { seqs, message: new Uint8Array(0) })), // whoever follows it reads them
    ...Object.entries(copies).map(([name, one]) => copiesPart(name, { copies: one, erasures, onDone: (userId) => notifyReplicas(bus, userId) })),
  ];
}

export type UserDataWiring = Pick<PublisherParts, 'eraseUser' | 'exportUser'> & {
  close(): Promise<void>;
};

/** Erasing and exporting in a server. */
export function wireUserData(
  settings: Settings,
  { cache, redis, ...stores }: Omit<UserDataStores, 'copies'> & SharedStores & { readonly cache: WiredCache },
  rest: { readonly opened: Promise<void>; readonly clock: Clock; readonly log: Log; readonly meter: Meter },
): UserDataWiring {
  const { privacy } = settings;
  const copies = { ...stores.ofUsers(ownOfUsers(settings)), ...(cache.ofUsers && { cache: cache.ofUsers }) };
  const parts = userDataParts({ ...stores, copies });
  const forget = cache.dropUsers;
  const stop = forgetErasedUsers({ bus: stores.bus, forget, log: rest.log });
  const own = { erasures: sqlErasures(stores.use), parts, forget, hasReplicas: redis !== undefined, secondPassAfterMs: privacy.secondPassAfter };
  const erasing = openErasing({ ...own, ...rest });
  const allowed = { services: new Set(privacy.services) };
  return {
    eraseUser: eraseUserBy(erasing, allowed),
    exportUser: exportUserBy(parts, allowed),
    close: () => {
      stop();
      return erasing.close();
    },
  };
}

/** Ends what goes on with sessions that have ended, at every replica. */
export function endSessions({
  settings,
  revocations,
  disconnect,
}: Pick<PublisherParts, 'disconnect'> & { readonly settings: Settings; readonly revocations: Pick<Revocations, 'add'> }): UserDataStores['onEnded'] {
  const parts = { revocations, accessTokenTtlMs: settings.auth.accessTokenTtl };
  return async (userId, sessionIds) => {
    await revokeTokensOf(sessionIds, parts);
    await disconnect(userId, undefined, true); // also the streams that tokens of other issuers have opened
  };
}
