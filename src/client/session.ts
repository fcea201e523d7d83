import type { Clock } from '../core/kit/clock.ts';
import { RefreshRequest, RefreshResponse, SignInRequest, SignInResponse } from '../gen/portico/v1/session.ts';
import { asCallError, CallError } from './call-error.ts';
import type { ClientTransport, Headers } from './transport.ts';

/** What a device keeps of its session, in its secure storage. */
export type Tokens = {
  readonly accessToken: string;
  readonly refreshToken: string;
  /** When the access token ends, by the device's clock. Milliseconds since 1970. */
  readonly expiresAtMs: number;
  /** Who is signed in. */
  readonly userId: string;
};

/** Where tokens are kept, such as the Keychain. */
export type TokenStore = {
  load(): Promise<Tokens | undefined>;
  /** Undefined: deletes them. Resolves when they are stored. */
  save(tokens: Tokens | undefined): Promise<void>;
};

export type Session = {
  /** @throws CallError */
  signIn(request: SignInRequest): Promise<void>;
  /** Ends the session here, even if the server cannot be reached. */
  signOut(): Promise<void>;
  /** Who is signed in. @throws CallError */
  userId(): Promise<string>;
  /** A token that is not about to end: refreshed first where it is. @throws CallError */
  accessToken(): Promise<string>;
  /**
   * A token other than `refused`: a refresh, or the token that another refresh has brought meanwhile.
   * @throws CallError
   */
  renew(refused: string): Promise<string>;
};

type SessionParts = {
  readonly transport: Pick<ClientTransport, 'unary'>;
  readonly store: TokenStore;
  readonly clock: Clock;
  /** Sent with each call, such as app-platform and app-version. */
  readonly headers?: Headers;
  /** Called when the session has ended: show the sign-in. */
  readonly onEnded: (reason: string) => void;
};

const timeoutMs = 15_000;
/** A token that ends so soon, or in a third of its life, is refreshed first. Milliseconds. */
const marginMostMs = 30_000;
/** Reasons that end a session: docs/mobile/errors-and-retries.md. Nothing else does, least of all no answer. */
const final = new Set(['REFRESH_TOKEN_INVALID', 'REFRESH_TOKEN_REUSED', 'SESSION_REVOKED']);

/** The session of a device. However many calls need a new token, one refresh is under way. */
export function openSession({ transport, store, clock, headers = {}, onEnded }: SessionParts): Session {
  let tokens: Promise<Tokens | undefined> | undefined;
  let refreshing: { readonly refreshToken: string; readonly next: Promise<Tokens> } | undefined;
  let marginMs = marginMostMs;
  /** Changes of the tokens come one after the other: a slow store must not let an older one win. */
  let changing: Promise<unknown> = Promise.resolve();

  const known = () => {
    tokens ??= store.load().catch((error: unknown) => {
      tokens = undefined; // such as before the device was unlocked for the first time
      throw error;
    });
    return tokens;
  };
  /**
   * @param of the refresh token that these tokens follow: another session's tokens stay
   * @returns whether they are kept
   */
  const keep = (next: Tokens | undefined, of?: string): Promise<boolean> => {
    const change = changing.then(async () => {
      if (of !== undefined && (await known())?.refreshToken !== of) return false;
      await store.save(next);
      tokens = Promise.resolve(next);
      return true;
    });
    changing = change.catch(() => {}); // whoever changes them has the error
    return change;
  };
  const tokensOf = ({ accessToken, refreshToken, expiresIn }: RefreshResponse, userId: string): Tokens => {
    const lifeMs = expiresIn * 1_000;
    marginMs = Math.min(marginMostMs, lifeMs / 3);
    return { accessToken, refreshToken, expiresAtMs: clock.nowMs() + lifeMs, userId };
  };
  const signedIn = async () => {
    const now = await known();
    if (now === undefined) throw new CallError('UNAUTHENTICATED', 'Nobody is signed in.');
    return now;
  };
  const refresh = async ({ refreshToken, userId }: Tokens): Promise<Tokens> => {
    try {
      const request = RefreshRequest.encode({ refreshToken }).finish();
      const { message } = await transport.unary('portico.v1.SessionService/Refresh', request, { headers, timeoutMs });
      const next = tokensOf(RefreshResponse.decode(message), userId);
      // a refresh that is not stored is sent again, and answered alike
      if (!(await keep(next, refreshToken))) throw new CallError('UNAUTHENTICATED', 'The session has ended meanwhile.');
      return next;
    } catch (error) {
      const { reason } = asCallError(error);
      if (final.has(reason) && (await keep(undefined, refreshToken))) onEnded(reason);
      throw error;
    }
  };
  const refreshOnce = (now: Tokens): Promise<Tokens> => {
    if (refreshing?.refreshToken !== now.refreshToken) {
      const mine = {
        refreshToken: now.refreshToken,
        next: refresh(now).finally(() => {
          if (refreshing === mine) refreshing = undefined;
        }),
      };
      refreshing = mine;
    }
    return refreshing.next;
  };
  return {
    signIn: async (request) => {
      const { message } = await transport.unary('portico.v1.SessionService/SignIn', SignInRequest.encode(request).finish(), {
        headers,
        timeoutMs,
      });
      const signedIn = SignInResponse.decode(message);
      await keep(tokensOf(signedIn, signedIn.userId));
    },
    signOut: async () => {
      const now = await known();
      await keep(undefined);
      if (now === undefined) return;
      const withToken = { ...headers, authorization: `Bearer ${now.accessToken}` };
      await transport.unary('portico.v1.SessionService/SignOut', new Uint8Array(), { headers: withToken, timeoutMs }).catch(() => {}); // it ends by itself
    },
    userId: async () => (await signedIn()).userId,
    accessToken: async () => {
      const now = await signedIn();
      return (now.expiresAtMs - clock.nowMs() > marginMs ? now : await refreshOnce(now)).accessToken;
    },
    renew: async (refused) => {
      const now = await signedIn();
      return (now.accessToken === refused ? await refreshOnce(now) : now).accessToken;
    },
  };
}

/** Tokens for as long as the process lives: for tests, and for tools that sign in each time. */
export function memoryTokenStore(): TokenStore {
  let kept: Tokens | undefined;
  return {
    load: async () => kept,
    save: async (tokens) => {
      kept = tokens;
    },
  };
}
