import { type JWTVerifyGetKey, jwtVerify } from 'jose';
import { type CallContext, ServerError, Status } from 'nice-grpc';

/** Whom an internal call is made for, by the signed token of the server alone: nothing else of the call is trusted. */
export type Authorise = (
  context: CallContext,
) => Promise<{ /** Undefined: nobody is known, or the answer is for all. */ readonly userId: string | undefined }>;

/**
 * @param issuer the server's name for itself: tokens of others are refused, even where they are signed by the same keys
 * @param audience our own name: tokens for others are refused
 * @throws ServerError UNAUTHENTICATED when the token is not good
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

/** @throws ServerError PERMISSION_DENIED when nobody is known */
export async function userOf(authorise: Authorise, context: CallContext): Promise<string> {
  const { userId } = await authorise(context);
  if (userId === undefined) throw new ServerError(Status.PERMISSION_DENIED, 'The call is made for nobody.');
  return userId;
}
