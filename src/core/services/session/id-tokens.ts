import { createHash } from 'node:crypto';
import { errors } from 'jose';
import type { Clock } from '../../kit/clock.ts';
import { Fault } from '../../kit/fault.ts';
import type { KeySet } from '../../ports/key-set.ts';
import type { Sessions } from '../../ports/sessions.ts';
import { claimValues, isText } from './claim-values.ts';
import { readUnverified, verifyByKeySet } from './strict-jwt.ts';
import { toleranceMs } from './verify-token.ts';

/** An identity provider whose ID tokens sign a client in. */
export type IdTokenIssuer = {
  readonly issuer: string;
  readonly keys: KeySet;
  /** Client ids of the apps. */
  readonly audiences: readonly string[];
  /** Other clients that may obtain ID tokens for the apps: `azp`. */
  readonly authorizedParties: readonly string[];
  readonly algorithms: readonly string[];
  readonly nonceRequired: boolean;
  /** Prefix of `sub`, so that users of two issuers never share an id. */
  readonly userPrefix: string;
  readonly scopes: readonly string[];
  /** Claims of the ID token that the session's access tokens repeat. */
  readonly claims: readonly string[];
};

/** The verified identity. It is (iss, sub), never an e-mail address. */
export type Identity = { readonly userId: string; readonly scopes: readonly string[]; readonly claims: Readonly<Record<string, string>> };
export type VerifyIdToken = (token: string, nonce: string) => Promise<Identity>;

/** The largest age of an ID token since its `iat`. Seconds. */
const ageMaxS = 600;
/**
 * A nonce is kept for as long as its token could be taken, whatever its `exp`: its `iat` is at most a tolerance ahead.
 */
const nonceKeptMs = ageMaxS * 1_000 + 2 * toleranceMs;
/** The bound of a client id in an error. Characters. */
const partyLengthMax = 100;
const subjectLengthMax = 255; // OpenID Connect Core 1.0, section 2

/**
 * Verifies ID tokens (OpenID Connect Core 1.0, section 3.1.3.7). A nonce signs in once.
 * @param claimNames claims that policies and rules use: a token in which one has no text of its own is refused
 * @throws Fault IDENTITY_INVALID, IDENTITY_EXPIRED, NONCE_INVALID, ISSUER_UNAVAILABLE or STORAGE_DOWN
 */
export function verifyIdTokens(
  issuers: readonly IdTokenIssuer[],
  sessions: Pick<Sessions, 'useNonce'>,
  clock: Clock,
  claimNames: ReadonlySet<string>,
): VerifyIdToken {
  const byIssuer = new Map(issuers.map((issuer) => [issuer.issuer, issuer]));
  return async (token, nonce) => {
    const issuer = byIssuer.get(issuerOf(token));
    if (issuer === undefined) throw new Fault('IDENTITY_INVALID', 'The ID token is of an issuer that is not known here.');
    const payload = await verify(token, issuer, clock);
    const { sub, aud, azp } = payload;
    if (typeof sub !== 'string' || sub.length === 0 || sub.length > subjectLengthMax || !isText(sub)) throw invalid();
    if (azp !== undefined || (Array.isArray(aud) && aud.length > 1)) checkParty(azp, issuer);
    // a claim that no policy uses is repeated where it is text
    const repeated = issuer.claims.filter((name) => claimNames.has(name) || (typeof payload[name] === 'string' && isText(payload[name])));
    const claims = Object.fromEntries(claimValues(token, payload, repeated, 'IDENTITY_INVALID'));
    await checkNonce({ claim: payload.nonce, nonce }, issuer, { sessions, clock });
    return { userId: issuer.userPrefix + sub, scopes: issuer.scopes, claims };
  };
}

/** OpenID Connect Core 1.0, section 3.1.3.7, steps 4 and 5. */
function checkParty(azp: unknown, { audiences, authorizedParties }: IdTokenIssuer): void {
  if (typeof azp !== 'string') throw invalid();
  if (audiences.includes(azp) || authorizedParties.includes(azp)) return;
  const party = azp.slice(0, partyLengthMax);
  const message = `The ID token was obtained by the client "${party}" (azp): name it in auth.idTokenIssuers[].authorizedParties if it is one of the apps.`;
  throw new Fault('IDENTITY_INVALID', message, { metadata: { azp: party } });
}

async function verify(token: string, { issuer, keys, audiences, algorithms }: IdTokenIssuer, clock: Clock) {
  try {
    const { payload, protectedHeader } = await verifyByKeySet(token, keys, {
      issuer,
      audience: [...audiences],
      algorithms: [...algorithms],
      requiredClaims: ['exp', 'iat', 'sub'],
      clockTolerance: toleranceMs / 1_000,
      maxTokenAge: ageMaxS,
      currentDate: new Date(clock.nowMs()),
    });
    const { typ = 'JWT' } = protectedHeader;
    if (typ.toUpperCase() !== 'JWT') throw invalid(); // an access token of the same issuer is not an ID token
    return payload;
  } catch (error) {
    if (error instanceof Fault && error.reason !== 'TOKEN_INVALID') throw error;
    if (error instanceof errors.JWTExpired)
      throw new Fault('IDENTITY_EXPIRED', 'The ID token has expired: sign in at the identity provider anew.', { cause: error });
    throw invalid(error);
  }
}

/**
 * @throws Fault NONCE_INVALID when the nonce of a sign-in differs from that of its token (`claim`), or was used before
 * the token's end
 */
async function checkNonce(
  { claim, nonce }: { readonly claim: unknown; readonly nonce: string },
  { issuer, nonceRequired }: IdTokenIssuer,
  { sessions, clock }: { readonly sessions: Pick<Sessions, 'useNonce'>; readonly clock: Clock },
): Promise<void> {
  if (nonce === '' && claim === undefined && !nonceRequired) return;
  if (nonce === '') throw new Fault('NONCE_INVALID', 'The sign-in carries no nonce: send the one that the ID token was asked for with.');
  const hex = createHash('sha256').update(nonce).digest('hex');
  if (claim !== nonce && claim !== hex) throw new Fault('NONCE_INVALID', 'The nonce is not that of the ID token.');
  const hash = createHash('sha256').update(`${issuer}\n${nonce}`).digest();
  const nowMs = clock.nowMs();
  if (!(await sessions.useNonce(hash, nowMs, nowMs + nonceKeptMs)))
    throw new Fault('NONCE_INVALID', 'The nonce was used before: each signs in once.');
}

function invalid(cause?: unknown): Fault {
  return new Fault('IDENTITY_INVALID', 'The ID token is not valid.', { cause });
}

function issuerOf(token: string): string {
  try {
    return String(readUnverified(token).claims.iss);
  } catch (error) {
    throw invalid(error);
  }
}
