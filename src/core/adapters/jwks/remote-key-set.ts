import { createPublicKey, type JsonWebKey } from 'node:crypto';
import type { Meter } from '@opentelemetry/api';
import { type CryptoKey, createLocalJWKSet, type JSONWebKeySet, type JWK, type JWSHeaderParameters } from 'jose';
import type { Clock } from '../../kit/clock.ts';
import { Fault } from '../../kit/fault.ts';
import type { KeySet } from '../../ports/key-set.ts';
import type { Log } from '../../ports/log.ts';

/** Milliseconds and bytes; docs/operating/sessions-and-keys.md documents them. */
const refreshAfterMs = 8 * 60_000;
const oldAfterMs = 10 * 60_000;
const lastGoodMs = 24 * 3_600_000;
const cooldownMs = 30_000;
const retryAfterMs = 5_000;
const timeoutMs = 5_000;
const bytesMax = 262_144;
const rsaBitsMin = 2_048;

export type KeySetOptions = {
  readonly issuer: string;
  readonly url: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly meter?: Meter | undefined;
  readonly fetch: typeof fetch;
};
type Loaded = { readonly find: ReturnType<typeof createLocalJWKSet>; readonly marks: ReadonlyMap<string | undefined, string>; readonly atMs: number };

/**
 * The key set of an issuer by its URL. It is fetched with the first token, renewed in the background after 8 minutes
 * and before use after 10, and at once (at most every 30 s, once for all callers) when a token names an unknown key, or
 * when a key does not verify its token: issuers replace keys without a name, or reuse a name. While the issuer is
 * unavailable the last good set is used for a day, and no call waits. Https only, except on loopback; no redirects; at
 * most 256 KiB and 5 s. RSA keys below 2048 bits are ignored.
 */
export function remoteKeySet({ issuer, url, clock, log, meter, fetch }: KeySetOptions): KeySet {
  let loaded: Loaded | undefined;
  let triedAtMs = Number.NEGATIVE_INFINITY;
  let failed = false;
  let loading: Promise<void> | undefined;
  const failures = meter?.createCounter('portico.jwks.failures', { description: 'Fetches of the keys of an issuer that failed.' });
  meter
    ?.createObservableGauge('portico.jwks.age', { unit: 's', description: 'Age of the keys of an issuer; they are fetched with its tokens.' })
    .addCallback((observed) => {
      if (loaded !== undefined) observed.observe((clock.nowMs() - loaded.atMs) / 1_000, { issuer });
    });

  const load = async () => {
    triedAtMs = clock.nowMs();
    try {
      const keys = await fetchKeys(url, fetch, clock);
      loaded = { find: createLocalJWKSet({ keys } as JSONWebKeySet), marks: marksOf(keys), atMs: clock.nowMs() };
      failed = false;
    } catch (error) {
      failed = true;
      failures?.add(1, { issuer });
      log.warn('The keys of an issuer could not be fetched.', { issuer, url, error });
    } finally {
      loading = undefined;
    }
  };
  const refresh = () => {
    loading ??= load();
    return loading;
  };
  const mayTry = () => loading !== undefined || clock.nowMs() - triedAtMs >= (loaded === undefined ? retryAfterMs : cooldownMs);
  const usable = (): Loaded | undefined => {
    if (loaded !== undefined && clock.nowMs() - loaded.atMs > lastGoodMs) loaded = undefined;
    return loaded;
  };

  const ageMs = () => clock.nowMs() - (usable()?.atMs ?? Number.NEGATIVE_INFINITY);
  /**
   * Too old to be used before it is fetched again. Never true after a failed fetch, so that calls do not wait for an
   * issuer that fails.
   */
  const isOld = () => ageMs() > oldAfterMs && mayTry() && !(failed && loaded !== undefined);

  /** @returns undefined when no key of the set fits, or several do */
  const find = (header: JWSHeaderParameters): Promise<CryptoKey | undefined> => {
    const set = usable();
    if (set !== undefined) return set.find(header).catch(() => undefined);
    const message = `The keys of the issuer ${issuer} cannot be had at the moment.`;
    throw new Fault('ISSUER_UNAVAILABLE', message, { metadata: { issuer }, retryAfterMs: 5_000 });
  };

  return {
    markOf: (kid) => {
      if (isOld()) return undefined;
      if (ageMs() > refreshAfterMs && mayTry()) void refresh();
      return usable()?.marks.get(kid);
    },
    keyFor: async (header, failed) => {
      if (isOld()) await refresh();
      else if (ageMs() > refreshAfterMs && mayTry()) void refresh();
      let found = await find(header);
      if ((found === undefined || found === failed) && mayTry()) {
        await refresh();
        found = await find(header);
      }
      if (found === undefined || found === failed) throw new Fault('TOKEN_INVALID', 'The token is signed by a key that its issuer does not have.');
      return found;
    },
  };
}

async function fetchKeys(url: string, fetch: KeySetOptions['fetch'], clock: Clock): Promise<readonly JWK[]> {
  const { protocol, hostname } = new URL(url);
  if (protocol !== 'https:' && !/^(localhost|127\.0\.0\.1|\[::1\])$/.test(hostname)) throw new Error('Only https is allowed for keys.');
  const controller = new AbortController();
  const cancel = clock.after(timeoutMs, () => controller.abort(new Error(`The issuer did not answer within ${timeoutMs} ms.`)));
  try {
    const response = await fetch(url, { redirect: 'error', signal: controller.signal, headers: { accept: 'application/json' } });
    if (!response.ok) throw new Error(`The issuer answered ${response.status}.`);
    const body: unknown = JSON.parse(await readAtMost(response, bytesMax));
    const keys = (body as { keys?: unknown } | null)?.keys;
    if (!Array.isArray(keys)) throw new Error('The answer is no JSON Web Key Set: it has no list "keys".');
    return keys.filter(isUsable);
  } finally {
    controller.abort(); // of a response that was not read to its end
    cancel();
  }
}

/** By name what identifies the keys of that name; without a name, the whole set. Another key changes its mark. */
function marksOf(keys: readonly JWK[]): Loaded['marks'] {
  const mark = (of: readonly JWK[]) => JSON.stringify(of.map(({ kty, crv, n, e, x, y }) => [kty, crv, n, e, x, y]));
  const names = new Set(keys.map(({ kid }) => kid));
  return new Map([...[...names].map((name) => [name, mark(keys.filter(({ kid }) => kid === name))] as const), [undefined, mark(keys)]]);
}

async function readAtMost(response: Response, most: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > most) throw new Error(`The key set is larger than ${most} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** A public key for signatures that Node can read. Other keys of a set are ignored. */
function isUsable(key: unknown): key is JWK {
  if (typeof key !== 'object' || key === null) return false;
  const { use, kty } = key as JWK;
  if ((use !== undefined && use !== 'sig') || kty === 'oct') return false;
  try {
    const { asymmetricKeyType, asymmetricKeyDetails } = createPublicKey({ key: key as JsonWebKey, format: 'jwk' });
    return asymmetricKeyType !== 'rsa' || (asymmetricKeyDetails?.modulusLength ?? 0) >= rsaBitsMin;
  } catch {
    return false;
  }
}
