import { createPrivateKey, type KeyObject } from 'node:crypto';
import { SignJWT } from 'jose';
import type { Clock } from '../../kit/clock.ts';

/**
 * APNs takes a token for an hour, and refuses providers that make one more often than every 20 minutes. Milliseconds.
 * @see "Establishing a token-based connection to APNs"
 */
const renewAfterMs = 40 * 60_000;
const renewNotBeforeMs = 21 * 60_000;

export type ApnsKey = { readonly teamId: string; readonly keyId: string; readonly key: KeyObject };

/** The token by which we are known to APNs. */
export type ApnsToken = {
  current(): Promise<string>;
  /** APNs says that it is too old. @returns whether another one was made */
  expired(token: string): boolean;
};

/** @throws Error when the text is no private key of P-256 */
export function readApnsKey(pem: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (cause) {
    throw new Error('push.apns.key is not a private key in PEM form.', { cause });
  }
  if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw new Error('push.apns.key is a key of another kind: Apple gives one of P-256.');
  return key;
}

export function apnsToken({ teamId, keyId, key }: ApnsKey, clock: Clock): ApnsToken {
  let made: { readonly token: Promise<string>; readonly atMs: number; text: string | undefined } | undefined;
  return {
    current: () => {
      const nowMs = clock.nowMs();
      if (made === undefined || nowMs - made.atMs >= renewAfterMs || nowMs < made.atMs) {
        const token = new SignJWT({})
          .setProtectedHeader({ alg: 'ES256', kid: keyId })
          .setIssuer(teamId)
          .setIssuedAt(Math.floor(nowMs / 1_000))
          .sign(key);
        const making = { token, atMs: nowMs, text: undefined as string | undefined };
        made = making;
        token.then(
          (text) => {
            making.text = text;
          },
          () => {},
        );
      }
      return made.token;
    },
    expired: (token) => {
      if (made === undefined || made.text !== token) return true; // there is a newer one
      if (clock.nowMs() - made.atMs < renewNotBeforeMs) return false;
      made = undefined;
      return true;
    },
  };
}
