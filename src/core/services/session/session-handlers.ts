import { randomUUID } from 'node:crypto';
import { SessionServiceDefinition, type SignInRequest } from '../../../gen/portico/v1/session.ts';
import type { Clock } from '../../kit/clock.ts';
import { Fault } from '../../kit/fault.ts';
import { pageOf, pageSizeOf, pageTokenAfter, placeOf } from '../../kit/page-token.ts';
import type { CoreReason } from '../../kit/reasons.ts';
import type { Handler } from '../../ports/call.ts';
import type { Log } from '../../ports/log.ts';
import type { Revocations } from '../../ports/revocations.ts';
import type { RevokedBecause, Session, Sessions } from '../../ports/sessions.ts';
import { userOf } from '../../streams/stream-service.ts';
import { serviceHandlers } from '../service-handlers.ts';
import type { MintAccessToken } from './access-tokens.ts';
import type { Identity, VerifyIdToken } from './id-tokens.ts';
import { judgeRefresh, type RefreshTokens, repeatsMax, type SessionLife } from './refresh-tokens.ts';
import { revokeTokensOf } from './revocation-broadcast.ts';

export type SessionParts = SessionLife & {
  readonly sessions: Sessions;
  readonly revocations: Revocations;
  readonly clock: Clock;
  readonly log: Log;
  readonly mint: MintAccessToken;
  readonly refreshTokens: RefreshTokens;
  readonly verifyIdToken: VerifyIdToken;
  /** Scopes of dev identities; undefined: dev identities are refused, as in `serve`. */
  readonly devScopes: readonly string[] | undefined;
  readonly accessTokenTtlMs: number;
};

const devicesMax = 100;

/** The handlers of portico.v1.SessionService, by method. */
export function sessionHandlers(parts: SessionParts): Readonly<Record<string, Handler>> {
  const { sessions, clock, mint, refreshTokens, accessTokenTtlMs } = parts;
  const expiresIn = Math.floor(accessTokenTtlMs / 1_000);
  return serviceHandlers(SessionServiceDefinition, {
    signIn: async (request) => {
      const { userId, scopes, claims } = await identityOf(request, parts);
      const id = randomUUID();
      const refreshToken = refreshTokens.derive({ sessionId: id, generation: 0 });
      const nowMs = clock.nowMs();
      const { platform = '', name = '', installationId = '' } = request.device ?? {};
      const session: Session = {
        id,
        userId,
        scopes,
        claims,
        device: { platform, name, installationId },
        signedInAtMs: nowMs,
        lastSeenAtMs: nowMs,
        generation: 0,
        refreshHash: refreshTokens.hashOf(refreshToken),
        advancedAtMs: nowMs,
        repeats: { generation: 0, inARow: 0 },
        revokedAtMs: undefined,
      };
      const accessToken = await mint(session);
      await sessions.create(session);
      return { accessToken, refreshToken, expiresIn, sessionId: id, userId };
    },

    refresh: async (request) => {
      const { session, generation } = await refresh(request.refreshToken, parts);
      return { accessToken: await mint(session), refreshToken: refreshTokens.derive({ sessionId: session.id, generation }), expiresIn };
    },

    signOut: async ({ everywhere }, call) => {
      const { userId, sessionId } = userOf(call);
      if (everywhere) {
        const ended = await sessions.revokeAll(userId, 'signed_out_everywhere', clock.nowMs());
        await revokeTokensOf(ended, parts);
        return { sessionsEnded: ended.length };
      }
      // A token of another issuer has no session here, so there is nothing to end.
      const ended = sessionId !== undefined && (await end(sessionId, userId, 'signed_out', parts));
      return { sessionsEnded: ended ? 1 : 0 };
    },

    listDevices: async ({ pageSize, pageToken }, call) => {
      const { userId, sessionId } = userOf(call);
      const nowMs = clock.nowMs();
      const most = pageSizeOf(pageSize, devicesMax);
      const place = pageToken === '' ? undefined : placeOf(pageToken);
      const following = place && { signedInAtMs: place.atMs, id: place.id };
      const times = { seenMs: nowMs - parts.idleMs, signedInMs: nowMs - parts.absoluteMs };
      const found = await sessions.ofUser(userId, { ...times, most: most + 1, following });
      const { page, nextPageToken } = pageOf(found, most, ({ signedInAtMs, id }) => pageTokenAfter({ atMs: signedInAtMs, id }));
      const devices = page.map(({ id, device, signedInAtMs, lastSeenAtMs }) => ({
        sessionId: id,
        device: { ...device },
        signedInAt: new Date(signedInAtMs),
        lastSeenAt: new Date(lastSeenAtMs),
        current: id === sessionId,
      }));
      return { devices, nextPageToken };
    },

    revokeDevice: async ({ sessionId: named }, call) => {
      const { userId } = userOf(call);
      const sessionId = named.toLowerCase(); // a UUID in capitals is the same one, and access tokens have this spelling
      if (!(await end(sessionId, userId, 'device_revoked', parts))) {
        throw new Fault('DEVICE_UNKNOWN', `You have no living session ${sessionId}: see ListDevices.`, { metadata: { sessionId } });
      }
      return {};
    },
  });
}

async function identityOf({ identity }: SignInRequest, { verifyIdToken, devScopes }: SessionParts): Promise<Identity> {
  if (identity?.$case === 'idToken') return verifyIdToken(identity.value.token, identity.value.nonce);
  if (identity?.$case !== 'dev') throw new Error('SignIn has an identity: its rules say so.');
  if (devScopes === undefined) throw new Fault('DEV_IDENTITY_REFUSED', 'Dev identities are for `portico dev` only: sign in with an ID token.');
  const { user, scopes } = identity.value;
  return { userId: user, scopes: scopes.length === 0 ? devScopes : scopes, claims: {} };
}

const refusals = {
  unknown: ['REFRESH_TOKEN_INVALID', 'The refresh token is not valid: sign in anew.'],
  expired: ['REFRESH_TOKEN_INVALID', 'The session was not used for too long, or is too old: sign in anew.'],
  revoked: ['SESSION_REVOKED', 'The session was ended: sign in anew.'],
  reused: ['REFRESH_TOKEN_REUSED', 'The refresh token was used before its last successor: the session was ended, sign in anew.'],
  shared: ['REFRESH_TOKEN_REUSED', 'Two clients refresh this session in turn: the session was ended, sign in anew.'],
} as const;

async function refresh(text: string, { sessions, revocations, clock, log, refreshTokens, accessTokenTtlMs, ...life }: SessionParts) {
  const refuse = (why: keyof typeof refusals) => {
    const [reason, message] = refusals[why];
    return new Fault<CoreReason>(reason, message);
  };
  const token = refreshTokens.read(text);
  if (token === undefined) throw refuse('unknown');
  const { sessionId, generation: presented } = token;
  const nowMs = clock.nowMs();
  const nextHash = (generation: number) => refreshTokens.hashOf(refreshTokens.derive({ sessionId, generation }));
  const refreshed = await sessions.refresh(sessionId, nowMs, (found) => {
    const hashMatches = Buffer.from(found.refreshHash).equals(refreshTokens.hashOf(text));
    const judged = judgeRefresh(presented, hashMatches, found, { ...life, nowMs, nextHash });
    return { decision: judged.decision, result: { session: found, outcome: judged.refreshed } };
  });
  if (refreshed === undefined) throw refuse('unknown');
  const { session, outcome } = refreshed;
  if ('generation' in outcome) return { session, generation: outcome.generation };
  if (outcome.refused === 'reused' || outcome.refused === 'shared') {
    await revokeTokensOf([sessionId], { revocations, accessTokenTtlMs });
    const what =
      outcome.refused === 'reused' ? 'A refresh token came again after its successor was used' : `${repeatsMax} refresh tokens in a row came twice`;
    log.warn(`${what}: the session was ended.`, { session_id: sessionId, generation: presented });
  }
  throw refuse(outcome.refused);
}

async function end(id: string, userId: string, because: RevokedBecause, parts: SessionParts): Promise<boolean> {
  if (!(await parts.sessions.revoke(id, userId, because, parts.clock.nowMs()))) return false;
  await revokeTokensOf([id], parts);
  return true;
}
