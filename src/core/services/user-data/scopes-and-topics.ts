import { scopeOfUser } from '../../cache/key/key.ts';
import type { OwnOfUsers } from '../../ports/user-data.ts';

/** Of the settings. */
type Names = {
  readonly auth: { readonly issuer: string; readonly externalIssuers: readonly { readonly issuer: string }[] };
  readonly live: { readonly namespaces: Readonly<Record<string, { readonly listen: string }>> };
};

/** Tokens of each issuer may name a user, who listens alone to the topics of their name in namespaces of owners. */
export function ownOfUsers({ auth: { issuer, externalIssuers }, live: { namespaces } }: Names): OwnOfUsers {
  const issuers = [issuer, ...externalIssuers.map((other) => other.issuer)];
  const owned = Object.keys(namespaces).filter((name) => namespaces[name]?.listen === 'owner');
  return {
    scopesOf: (userId) => issuers.map((one) => scopeOfUser(one, userId)),
    topicsOf: (userId) => owned.map((name) => `${name}:${userId}`),
  };
}
