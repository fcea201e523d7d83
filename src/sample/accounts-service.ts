import { ServerError, Status } from 'nice-grpc';
import type { AccountServiceImplementation } from '../gen/accounts/v1/account.ts';
import { type Authorise, userOf } from './authorise-caller.ts';
import { people } from './people.ts';

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
