import { type BlockedUser, type ReportMessageRequest, SafetyServiceDefinition } from '../gen/portico/v1/safety.ts';
import type { Calls } from './calls.ts';

/** What a user does against others who trouble the user. Each throws CallError. */
export type Safety = {
  /** On all devices. What the blocked user has said comes again as hidden, by the chat stream. */
  block(userId: string): Promise<void>;
  unblock(userId: string): Promise<void>;
  /** All blocked users, in the order of their ids. */
  blocked(): Promise<readonly BlockedUser[]>;
  /** Resolved when the report is stored. Offer to report first, and to block then: a hidden message is not reported. */
  report(report: ReportMessageRequest): Promise<void>;
};

export function openSafety({ call }: Pick<Calls, 'call'>): Safety {
  return {
    block: async (userId) => {
      await call(SafetyServiceDefinition, 'blockUser', { userId });
    },
    unblock: async (userId) => {
      await call(SafetyServiceDefinition, 'unblockUser', { userId });
    },
    blocked: async () => {
      const users: BlockedUser[] = [];
      for (let pageToken: string | undefined = ''; pageToken !== undefined; ) {
        const page: { users: BlockedUser[]; nextPageToken: string } = await call(SafetyServiceDefinition, 'listBlockedUsers', {
          pageSize: 0,
          pageToken,
        });
        users.push(...page.users);
        pageToken = page.nextPageToken === '' ? undefined : page.nextPageToken;
      }
      return users;
    },
    report: async (report) => {
      await call(SafetyServiceDefinition, 'reportMessage', report);
    },
  };
}
