import type { Meter } from '@opentelemetry/api';
import { remoteKeySet } from '../core/adapters/jwks/remote-key-set.ts';
import { userPseudonym } from '../core/adapters/telemetry/access-log.ts';
import type { Clock } from '../core/kit/clock.ts';
import type { Handler } from '../core/ports/call.ts';
import type { Log } from '../core/ports/log.ts';
import type { Revocations } from '../core/ports/revocations.ts';
import type { Sessions } from '../core/ports/sessions.ts';
import type { SigningKeys } from '../core/ports/signing-keys.ts';
import type { OpenLifetime, VerifyToken } from '../core/ports/tokens.ts';
import { accessTokens } from '../core/services/session/access-tokens.ts';
import { streamLifetimes } from '../core/services/session/end-streams-with-token.ts';
import { verifyIdTokens } from '../core/services/session/id-tokens.ts';
import { refreshTokens } from '../core/services/session/refresh-tokens.ts';
import { sessionHandlers } from '../core/services/session/session-handlers.ts';
import { verifyTokens } from '../core/services/session/verify-token.ts';
import type { Settings } from '../settings.ts';
import type { Methods } from './methods.ts';

export type AuthParts = {
  readonly settings: Settings;
  readonly methods: Pick<Methods, 'scopes' | 'claimNames'>;
  readonly keys: SigningKeys;
  readonly sessions: Sessions;
  readonly revocations: Revocations;
  /** Resolved when the sessions that ended before the start are loaded. Until then no token is verified. */
  readonly revocationsKnown: Promise<void>;
  readonly refreshKey: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly meter: Meter;
};

/** Verifies tokens, and answers SessionService. */
export function openAuth(parts: AuthParts): {
  readonly verify: VerifyToken;
  readonly openLifetime: OpenLifetime;
  readonly handlers: Readonly<Record<string, Handler>>;
} {
  const { settings, methods, keys, sessions, revocations, refreshKey, clock, log, meter } = parts;
  const { auth } = settings;
  const claimNames = new Set([...methods.claimNames, ...claimsOfRules(settings)]);
  const keySetOf = ({ issuer, jwksUrl }: { readonly issuer: string; readonly jwksUrl: string }) =>
    remoteKeySet({ issuer, url: jwksUrl, clock, log, meter, fetch });
  const verifyLoaded = verifyTokens({
    keys,
    clock,
    revocations,
    issuer: auth.issuer,
    audience: auth.audience,
    lifetimeMaxMs: auth.accessTokenTtl,
    external: auth.externalIssuers.map((issuer) => ({ ...issuer, keys: keySetOf(issuer), lifetimeMaxMs: issuer.lifetimeMax })),
    claimNames,
    userHash: (userId) => userPseudonym(userId, refreshKey),
  });
  let known = false;
  const ready = parts.revocationsKnown.then(() => {
    known = true;
  });
  ready.catch(() => {}); // its waiters receive the error
  const handlers = sessionHandlers({
    sessions,
    revocations,
    clock,
    log,
    mint: accessTokens({ keys, clock, issuer: auth.issuer, audience: auth.audience, ttlMs: auth.accessTokenTtl }),
    refreshTokens: refreshTokens(refreshKey),
    verifyIdToken: verifyIdTokens(
      auth.idTokenIssuers.map((issuer) => ({ ...issuer, keys: keySetOf(issuer), scopes: issuer.scopes ?? methods.scopes })),
      sessions,
      clock,
      claimNames,
    ),
    devScopes: settings.mode === 'dev' ? (auth.devScopes ?? methods.scopes) : undefined,
    accessTokenTtlMs: auth.accessTokenTtl,
    idleMs: auth.sessionIdle,
    absoluteMs: auth.sessionTtl,
    inFlightMs: auth.refreshInFlight,
  });
  const verify: VerifyToken = (token) => (known ? verifyLoaded(token) : ready.then(() => verifyLoaded(token)));
  return { verify, openLifetime: streamLifetimes({ verify, revocations, clock }), handlers };
}

/** The claims by which rules of the settings admit users. */
function claimsOfRules({ live, chat }: Settings): readonly string[] {
  return [...Object.values(live.namespaces), ...Object.values(chat.subjects)].flatMap(({ claim }) => claim ?? []);
}
