import type { Meter } from '@opentelemetry/api';
import type { UseDatabase } from '../core/adapters/sql/database-access.ts';
import { attachmentData } from '../core/adapters/sql/user-data/attachment-data.ts';
import { chatData } from '../core/adapters/sql/user-data/chat-data.ts';
import { sqlErasures } from '../core/adapters/sql/user-data/erasures.ts';
import { pushData } from '../core/adapters/sql/user-data/push-data.ts';
import { reportData } from '../core/adapters/sql/user-data/report-data.ts';
import { sessionData } from '../core/adapters/sql/user-data/session-data.ts';
import type { Clock } from '../core/kit/clock.ts';
import type { ChatAnnouncements } from '../core/ports/chat-announcements.ts';
import type { Log } from '../core/ports/log.ts';
import type { Revocations } from '../core/ports/revocations.ts';
import type { UserDataPart } from '../core/ports/user-data.ts';
import type { PublisherParts } from '../core/services/publisher/publisher-handlers.ts';
import { revokeTokensOf } from '../core/services/session/revocation-broadcast.ts';
import { openErasing } from '../core/services/user-data/erase-users.ts';
import { eraseUserBy, exportUserBy } from '../core/services/user-data/user-data-handlers.ts';
import type { Settings } from '../settings.ts';

export type UserDataStores = {
  readonly use: UseDatabase;
  readonly announcements: Pick<ChatAnnouncements, 'announce'>;
  /** These sessions of the user have ended. */
  readonly onEnded: (userId: string, sessionIds: readonly string[]) => Promise<void>;
};

/** Where users' data are, in the order in which they are erased. A new part is a line here. */
export function userDataParts({ use, announcements: { announce }, onEnded }: UserDataStores): readonly UserDataPart[] {
  return [
    pushData(use),
    sessionData(use, onEnded),
    reportData(use),
    attachmentData(use),
    chatData(use, (subject, seqs) => announce(subject, { seqs, message: new Uint8Array(0) })), // whoever follows it reads them
  ];
}

export type UserDataWiring = Pick<PublisherParts, 'eraseUser' | 'exportUser'> & {
  close(): Promise<void>;
};

/** Erasing and exporting in a server. */
export function wireUserData(
  stores: UserDataStores,
  rest: { readonly opened: Promise<void>; readonly clock: Clock; readonly log: Log; readonly meter: Meter },
): UserDataWiring {
  const parts = userDataParts(stores);
  const erasing = openErasing({ erasures: sqlErasures(stores.use), parts, ...rest });
  return { eraseUser: eraseUserBy(erasing), exportUser: exportUserBy(parts), close: erasing.close };
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
