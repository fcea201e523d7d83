import { hash } from 'node:crypto';
import { errors, type JWTPayload, type JWTVerifyOptions, type JWTVerifyResult, jwtVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../kit/clock.ts';
import { Fault } from '../../kit/fault.ts';
import { memo } from '../../kit/memo.ts';
import type { Caller } from '../../ports/call.ts';
import type { KeySet } from '../../ports/key-set.ts';
import type { Revocations } from '../../ports/revocations.ts';
import type { SigningKeys } from '../../ports/signing-keys.ts';
import type { VerifiedToken, VerifyToken } from '../../ports/tokens.ts';
import { accessTokenTyp, serviceTokenTyp, signingAlgorithm } from './access-tokens.ts';
import { claimValues, isText } from './claim-values.ts';
import { serviceAudience, serviceLifetimeMaxMs } from './service-tokens.ts';
import { readUnverified, verifyByKeySet } from './strict-jwt.ts';

/** An external issuer whose access tokens are accepted without a session. */
export type ExternalIssuer = {
  readonly issuer: string;
  readonly keys: KeySet;
  readonly audiences: readonly string[];
  readonly algorithms: readonly string[];
  readonly typ: string;
  readonly scopeClaim: string;
  /** Scopes with this prefix are accepted, without the prefix. */
  readonly scopePrefix: string;
  /** Prefix of `sub`, so that users of two issuers never share an id. */
  readonly userPrefix: string;
  readonly lifetimeMaxMs: number;
};

export type VerifyParts = {
  readonly keys: SigningKeys;
  readonly clock: Clock;
  readonly revocations: Revocations;
  readonly issuer: string;
  readonly audience: string;
  /** The longest lifetime of this server's access tokens. */
  readonly lifetimeMaxMs: number;
  readonly external: readonly ExternalIssuer[];
  /** Claims that policies use; all others are dropped. */
  readonly claimNames: ReadonlySet<string>;
  /** Distinguishes users without naming them. */
  readonly userHash: (userId: string) => string;
};

/** Characters; the front has the same bound. */
const tokenLengthMax = 8_192;
const rememberedMax = 20_000;
const audiencesMax = 16;
const subjectLengthMax = 256;
/** The allowed clock skew. */
export const toleranceMs = 5_000;

/** A verified token. Everything that can change afterwards is checked at each use. */
type Remembered = VerifiedToken & { readonly sessionId: string | undefined; stillTrusted(): boolean };

/**
 * Verifies access tokens: this server's own with its keys, those of external issuers with theirs (never one joint set:
 * RFC 8725, 3.8), and service tokens. Verified tokens are cached by SHA-256. A revocation is looked up by `sid`,
 * because one signature has 16 spellings.
 */
export function verifyTokens(parts: VerifyParts): VerifyToken {
  const { clock, revocations, keys } = parts;
  const remembered = new LRUCache<string, Remembered>({ max: rememberedMax });
  const external = new Map(parts.external.map((issuer) => [issuer.issuer, issuer]));
  const current = (token: Remembered): Remembered => {
    if (clock.nowMs() >= token.endsAtMs) throw new Fault('TOKEN_EXPIRED', 'The access token has expired: refresh the session.');
    if (token.sessionId !== undefined && revocations.has(token.sessionId)) throw new Fault('SESSION_REVOKED', 'The session was ended: sign in anew.');
    return token;
  };
  const verifyAnew = async (token: string, key: string): Promise<VerifiedToken> => {
    const { issuer, kid, typ } = namesOf(token);
    const other = external.get(issuer);
    if (other === undefined && issuer !== parts.issuer) throw new Fault('TOKEN_INVALID', 'The token is of an issuer that is not known here.');
    const verified =
      other !== undefined
        ? await verifyExternal(token, other, parts, kid)
        : typ === serviceTokenTyp
          ? await verifyService(token, kid)
          : await verifyOwn(token, kid);
    remembered.set(key, verified);
    return current(verified);
  };
  return (token) => {
    if (token.length > tokenLengthMax)
      throw new Fault('TOKEN_INVALID', `The token has ${token.length} characters: at most ${tokenLengthMax} are allowed.`);
    const key = hash('sha256', token, 'base64url');
    const known = remembered.get(key);
    if (known === undefined) return verifyAnew(token, key);
    if (known.stillTrusted()) return current(known);
    remembered.delete(key);
    return verifyAnew(token, key);
  };

  async function verifyOwn(token: string, kid: string | undefined): Promise<Remembered> {
    const { issuer, audience, lifetimeMaxMs, claimNames } = parts;
    const options = { issuer, audience, typ: accessTokenTyp, requiredClaims: ['sid', 'scope', 'jti'] };
    const { payload, stillTrusted } = await byOwnKey(token, kid, options, lifetimeMaxMs);
    const { sid, scope } = payload;
    if (typeof sid !== 'string' || typeof scope !== 'string') throw invalid();
    const userId = subjectOf(payload);
    const names = [...claimNames].filter((name) => typeof payload[name] === 'string'); // we mint no others
    const claims = claimsOf(token, payload, userId, names);
    const caller: Caller = { kind: 'user', userId, issuer, sessionId: sid, scopes: scopesOf(scope), claims };
    return { caller, endsAtMs: endOf(payload), sessionId: sid, userHash: parts.userHash(userId), stillTrusted };
  }

  async function verifyService(token: string, kid: string | undefined): Promise<Remembered> {
    const options = { issuer: parts.issuer, audience: serviceAudience, typ: serviceTokenTyp };
    const { payload, stillTrusted } = await byOwnKey(token, kid, options, serviceLifetimeMaxMs);
    const caller: Caller = { kind: 'service', name: subjectOf(payload) };
    return { caller, endsAtMs: endOf(payload), sessionId: undefined, userHash: undefined, stillTrusted };
  }

  async function byOwnKey(token: string, kid: string | undefined, options: JWTVerifyOptions, lifetimeMaxMs: number) {
    const key = kid === undefined ? undefined : (keys.find(kid) ?? (await keys.look(kid)));
    if (kid === undefined || key === undefined)
      throw new Fault('TOKEN_INVALID', 'The token is signed by a key that is not, or no longer, one of ours.');
    const payload = await verify(
      (checks) => jwtVerify(token, key.publicKey, checks),
      { ...options, algorithms: [signingAlgorithm] },
      { lifetimeMaxMs, clock },
    );
    return { payload, stillTrusted: whileKnown(keys, kid) };
  }
}

async function verifyExternal(
  token: string,
  issuer: ExternalIssuer,
  { clock, claimNames, userHash }: VerifyParts,
  kid: string | undefined,
): Promise<Remembered> {
  const options = { issuer: issuer.issuer, audience: [...issuer.audiences], algorithms: [...issuer.algorithms], typ: issuer.typ };
  let mark: string | undefined;
  const keys: KeySet = {
    ...issuer.keys,
    keyFor: async (header, failed) => {
      const key = await issuer.keys.keyFor(header, failed);
      mark = issuer.keys.markOf(kid); // of the set that has the key, before another is fetched
      return key;
    },
  };
  const payload = await verify((checks) => verifyByKeySet(token, keys, checks), options, { lifetimeMaxMs: issuer.lifetimeMaxMs, clock });
  const userId = issuer.userPrefix + subjectOf(payload);
  const scopes = new Set<string>();
  for (const scope of scopesOf(payload[issuer.scopeClaim]))
    if (scope.startsWith(issuer.scopePrefix)) scopes.add(scope.slice(issuer.scopePrefix.length));
  const stillTrusted = whileMarked(issuer.keys, kid, mark);
  const claims = claimsOf(token, payload, userId, claimNames);
  const caller: Caller = { kind: 'user', userId, issuer: issuer.issuer, sessionId: undefined, scopes, claims };
  return { caller, endsAtMs: endOf(payload), sessionId: undefined, userHash: userHash(userId), stillTrusted };
}

// Of the closures above each holds all that its function has, the text of the token too: these hold what they need.
const whileKnown = (keys: SigningKeys, kid: string) => () => keys.find(kid) !== undefined;
const whileMarked = (keys: KeySet, kid: string | undefined, mark: string | undefined) => () => mark !== undefined && keys.markOf(kid) === mark;

/** @throws Fault TOKEN_EXPIRED, TOKEN_INVALID, or what the key's source threw */
async function verify(
  signature: (checks: JWTVerifyOptions) => Promise<JWTVerifyResult>,
  options: JWTVerifyOptions,
  { lifetimeMaxMs, clock }: { readonly lifetimeMaxMs: number; readonly clock: Clock },
): Promise<JWTPayload> {
  try {
    const checks: JWTVerifyOptions = {
      ...options,
      requiredClaims: ['exp', 'iat', 'sub', ...(options.requiredClaims ?? [])],
      clockTolerance: toleranceMs / 1_000,
      maxTokenAge: lifetimeMaxMs / 1_000, // also refuses an `iat` in the future
      currentDate: new Date(clock.nowMs()),
    };
    const { payload } = await signature(checks);
    if (Array.isArray(payload.aud) && payload.aud.length > audiencesMax) throw invalid();
    if (((payload.exp ?? 0) - (payload.iat ?? 0)) * 1_000 > lifetimeMaxMs)
      throw new Fault('TOKEN_INVALID', 'The token lives longer than is allowed.');
    return payload;
  } catch (error) {
    if (error instanceof Fault) throw error;
    if (error instanceof errors.JWTExpired) throw new Fault('TOKEN_EXPIRED', 'The access token has expired: refresh the session.', { cause: error });
    throw invalid(error);
  }
}

/** One text for all errors: only the log has the cause. */
function invalid(cause?: unknown): Fault {
  return new Fault('TOKEN_INVALID', 'The access token is not valid.', { cause });
}

/** The unverified content of a token, only to choose the keys that verify it. */
function namesOf(token: string): { readonly issuer: string; readonly kid: string | undefined; readonly typ: string | undefined } {
  try {
    const { header, claims } = readUnverified(token);
    return { issuer: String(claims.iss), kid: header.kid, typ: header.typ };
  } catch (error) {
    throw invalid(error);
  }
}

function subjectOf({ sub }: JWTPayload): string {
  if (typeof sub !== 'string' || sub.length === 0 || sub.length > subjectLengthMax || !isText(sub)) throw invalid();
  return sub;
}

function endOf({ exp }: JWTPayload): number {
  return (exp ?? 0) * 1_000 + toleranceMs;
}

/** Most users have the same scopes. */
const scopeSets = memo<ReadonlySet<string>>(1_000, 1_024);

/** Text separated by spaces (RFC 9068, 2.2.3.1), or a list, as some issuers send it. */
function scopesOf(claim: unknown): ReadonlySet<string> {
  if (typeof claim === 'string') return scopeSets(claim, () => new Set(claim.split(' ').filter((scope) => scope !== '')));
  return new Set(Array.isArray(claim) ? claim.filter((scope) => typeof scope === 'string') : []);
}

/**
 * Keeps only claims that a policy or a rule names, as text. A claim named `__proto__` is dropped.
 * @throws Fault TOKEN_INVALID naming a claim without a text of its own
 */
function claimsOf(token: string, payload: JWTPayload, userId: string, names: Iterable<string>): ReadonlyMap<string, string> {
  return new Map([['sub', userId], ...[...claimValues(token, payload, names, 'TOKEN_INVALID')].filter(([name]) => name !== 'sub')]);
}
