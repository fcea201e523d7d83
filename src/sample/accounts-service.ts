import { ServerError, Status } from 'nice-grpc';
import type { AccountServiceImplementation } from '../gen/accounts/v1/account.ts';
import { type Authorise, userOf } from './authorise-caller.ts';

/** The accounts of users. */
export function accounts(authorise: Authorise): AccountServiceImplementation {
  return {
    getProfile: async (_request, context) => {
      const person = people.get(await userOf(authorise, context));
      if (person === undefined) throw new ServerError(Status.NOT_FOUND, 'There is no such account.');
      return person;
    },
  };
}

/** A person with an account. */
export type Person = {
  readonly userId: string;
  readonly displayName: string;
  readonly email: string;
  readonly city: string;
  readonly points: number;
  readonly memberSince: Date;
  readonly courier: boolean;
};

/** The users of the sample company: two customers and a courier. */
export const people: ReadonlyMap<string, Person> = new Map(
  [
    { userId: 'alice', displayName: 'Alice Marlow', email: 'alice@example.com', city: 'Leipzig', points: 1_240, since: '2023-04-17', courier: false },
    { userId: 'bob', displayName: 'Bob Tanner', email: 'bob@example.com', city: 'Leipzig', points: 310, since: '2025-01-08', courier: false },
    { userId: 'carol', displayName: 'Carol Weiss', email: 'carol@example.com', city: 'Leipzig', points: 90, since: '2024-09-30', courier: true },
  ].map(({ since, ...person }) => [person.userId, { ...person, memberSince: new Date(since) }]),
);
