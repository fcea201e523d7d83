import { type JWTVerifyGetKey, jwtVerify } from 'jose';
import { type CallContext, ServerError, Status } from 'nice-grpc';

/** The user of an internal call, read only from the server's signed token: no other part of the call is trusted. */
export type Authorise = (
  context: CallContext,
) => Promise<{ /** Undefined: the caller is anonymous, or the answer is for all. */ readonly userId: string | undefined }>;

/**
 * @param issuer the server's issuer name: tokens of other issuers are refused, even if the same keys signed them
 * @param audience the service's own name: tokens for other services are refused
 * @throws ServerError UNAUTHENTICATED when the token is refused
 */
export function authoriseBy(keys: JWTVerifyGetKey, issuer: string, audience: string): Authorise {
  return async ({ metadata }) => {
    const token = /^Bearer (\S+)$/.exec(metadata.get('authorization') ?? '')?.[1];
    if (token === undefined) throw new ServerError(Status.UNAUTHENTICATED, 'No internal token.');
    try {
      const { payload } = await jwtVerify(token, keys, { issuer, audience, typ: 'portico-internal+jwt', algorithms: ['ES256'] });
      return { userId: payload.sub };
    } catch (error) {
      throw new ServerError(Status.UNAUTHENTICATED, `The internal token is not good: ${error instanceof Error ? error.message : error}`);
    }
  };
}

/** @throws ServerError PERMISSION_DENIED for an anonymous caller */
export async function userOf(authorise: Authorise, context: CallContext): Promise<string> {
  const { userId } = await authorise(context);
  if (userId === undefined) throw new ServerError(Status.PERMISSION_DENIED, 'The call has no user.');
  return userId;
}
