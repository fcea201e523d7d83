import { createPrivateKey, type KeyObject } from 'node:crypto';
import { SignJWT } from 'jose';
import type { Clock } from '../../kit/clock.ts';
import { readAtMost } from './read-http-response.ts';

/** A service account of Google Cloud, as its key file names it. */
export type FcmAccount = {
  readonly projectId: string;
  readonly email: string;
  readonly keyId: string | undefined;
  readonly key: KeyObject;
  readonly tokenUrl: string;
};

/** @see https://developers.google.com/identity/protocols/oauth2/service-account: the longest time of an assertion */
const assertionS = 3_600;
const scope = 'https://www.googleapis.com/auth/firebase.messaging';
/** A token is renewed so long before its end, and no later than after an hour. */
const marginMs = 5 * 60_000;
const keptMsMax = 3_600_000;
const answerBytesMax = 65_536;
/** A token that the account's server did not give is asked for again after this. */
const againMs = 5_000;

/** @throws Error that names what the file lacks */
export function readFcmAccount(json: string): FcmAccount {
  const wrong = (what: string, cause?: unknown) => new Error(`push.fcm.account ${what}`, { cause });
  let said: Readonly<Record<string, unknown>>;
  try {
    said = Object(JSON.parse(json));
  } catch (cause) {
    throw wrong('is not JSON: it is the key file of a service account.', cause);
  }
  const textOf = (key: string) => {
    const value = said[key];
    if (typeof value !== 'string' || value === '') throw wrong(`has no ${key}: it is the key file of a service account.`);
    return value;
  };
  const [projectId, email, pem, tokenUrl] = [textOf('project_id'), textOf('client_email'), textOf('private_key'), textOf('token_uri')];
  if (!/^[a-z0-9.:-]{1,100}$/.test(projectId)) throw wrong('has a project_id that is none.');
  if (!/^https:\/\/|^http:\/\/(localhost|127\.0\.0\.1|\[::1\])[:/]/.test(tokenUrl)) throw wrong('has a token_uri that is not https.');
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (cause) {
    throw wrong('has a private_key that is none.', cause);
  }
  if (key.asymmetricKeyType !== 'rsa') throw wrong('has a private_key of another kind: Google gives one of RSA.');
  return { projectId, email, keyId: typeof said.private_key_id === 'string' ? said.private_key_id : undefined, key, tokenUrl };
}

export type AccessToken = {
  /** @throws Error when the account's server gives none */
  current(): Promise<string>;
  /** It was refused: the next one is another. */
  refused(token: string): void;
};

/** Access tokens of the account (RFC 7523): fetched once for all who wait, and kept for most of their life. */
export function accessTokenOf(
  { email, keyId, key, tokenUrl }: FcmAccount,
  { clock, fetch }: { readonly clock: Clock; readonly fetch: typeof globalThis.fetch },
): AccessToken {
  let kept: { readonly token: string; readonly untilMs: number } | undefined;
  let fetching: Promise<string> | undefined;
  let failed: { readonly error: unknown; readonly untilMs: number } | undefined;

  const load = async (): Promise<string> => {
    const nowS = Math.floor(clock.nowMs() / 1_000);
    const assertion = await new SignJWT({ scope })
      .setProtectedHeader({ alg: 'RS256', typ: 'JWT', ...(keyId !== undefined && { kid: keyId }) })
      .setIssuer(email)
      .setAudience(tokenUrl)
      .setIssuedAt(nowS)
      .setExpirationTime(nowS + assertionS)
      .sign(key);
    const controller = new AbortController();
    const cancel = clock.after(10_000, () => controller.abort(new Error(`${tokenUrl} did not answer in time.`)));
    try {
      const body = new URLSearchParams({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion });
      const response = await fetch(tokenUrl, { method: 'POST', body, redirect: 'error', signal: controller.signal });
      const text = await readAtMost(response, answerBytesMax);
      if (!response.ok) throw new Error(`${tokenUrl} answered ${response.status}.`);
      const { access_token: token, expires_in: lifeS } = Object(JSON.parse(text)) as { access_token?: unknown; expires_in?: unknown };
      if (typeof token !== 'string' || !/^[\x21-\x7e]{1,8192}$/.test(token)) throw new Error(`${tokenUrl} answered without access_token.`);
      const lifeMs = typeof lifeS === 'number' && lifeS > 0 ? lifeS * 1_000 : 0;
      kept = { token, untilMs: clock.monotonicMs() + Math.min(lifeMs, keptMsMax) - Math.min(marginMs, lifeMs / 2) };
      return token;
    } finally {
      cancel();
    }
  };
  return {
    current: async () => {
      const nowMs = clock.monotonicMs();
      if (kept !== undefined && nowMs < kept.untilMs) return kept.token;
      if (failed !== undefined && nowMs < failed.untilMs) throw failed.error;
      fetching ??= load()
        .catch((error: unknown) => {
          failed = { error, untilMs: clock.monotonicMs() + againMs };
          throw error;
        })
        .finally(() => {
          fetching = undefined;
        });
      return fetching;
    },
    refused: (token) => {
      if (kept?.token === token) kept = undefined;
    },
  };
}
