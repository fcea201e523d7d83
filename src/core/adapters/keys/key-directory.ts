import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { calculateJwkThumbprint } from 'jose';
import type { Clock } from '../../kit/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { SigningKey, SigningKeys } from '../../ports/signing-keys.ts';

/**
 * A new key verifies at once, and signs after this time: by then every replica has it, from a Secret too (the kubelet's
 * sync takes up to about a minute).
 */
const signsAfterMs = 120_000;
/** The interval of reading the folder. */
const everyMs = 10_000;
const lookAgainAfterMs = 1_000;

/** `sinceMs`: when the file appeared in the folder, not when it was written. */
type Held = { readonly key: SigningKey; readonly name: string; readonly sinceMs: number };
export type KeyDirectory = SigningKeys & { close(): void };

/**
 * The keys of a folder: one PEM file (P-256, PKCS #8) each, named `*.pem`. All keys verify. The key whose name sorts
 * last signs, once its file has been there for two minutes (or when it is the only one). The folder is read again while
 * the server runs. To rotate, add a file, and remove the old one when its last tokens have expired.
 * @throws Error naming the folder or file when there is no key, or one that is not P-256
 */
export async function keyDirectory(folder: string, clock: Clock, log: Log): Promise<KeyDirectory> {
  let held = await read(folder);
  let readAtMs = clock.nowMs();
  const readAgain = async () => {
    readAtMs = clock.nowMs();
    try {
      held = await read(folder);
    } catch (error) {
      log.error('The signing keys could not be read again; the ones read before stay in use.', { error });
    }
  };
  let stop = () => {};
  const schedule = () => {
    stop = clock.after(everyMs, () => void readAgain().then(schedule));
  };
  schedule();
  let closed = false;
  const find = (kid: string) => held.find(({ key }) => key.kid === kid)?.key;
  return {
    current: () => {
      const nowMs = clock.nowMs();
      const old = held.findLast(({ sinceMs }) => sinceMs + signsAfterMs <= nowMs) ?? held[0];
      return (old as Held).key;
    },
    find,
    look: async (kid) => {
      if (!closed && find(kid) === undefined && clock.nowMs() - readAtMs >= lookAgainAfterMs) await readAgain();
      return find(kid);
    },
    jwks: () => ({
      keys: held.map(({ key: { kid, publicKey } }) => ({ ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'ES256' })),
    }),
    close: () => {
      closed = true;
      stop();
    },
  };
}

function filesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (cause) {
    throw new Error(`The folder of signing keys ${folder} cannot be read (${(cause as NodeJS.ErrnoException).code}).`, { cause });
  }
}

async function read(folder: string): Promise<readonly Held[]> {
  const names = filesOf(folder)
    .filter((name) => name.endsWith('.pem'))
    .sort();
  if (names.length === 0)
    throw new Error(`There is no signing key in ${folder}: a PEM file of a P-256 private key (PKCS #8), named *.pem, is needed.`);
  return Promise.all(
    names.map(async (name) => {
      const file = join(folder, name);
      const privateKey = parse(file);
      const publicKey = createPublicKey(privateKey);
      const kid = await calculateJwkThumbprint(publicKey.export({ format: 'jwk' }) as never);
      return { key: { kid, privateKey, publicKey }, name, sinceMs: statSync(file).ctimeMs };
    }),
  );
}

function parse(file: string) {
  let key: ReturnType<typeof createPrivateKey>;
  try {
    key = createPrivateKey(readFileSync(file));
  } catch (cause) {
    throw new Error(`${file} is not a private key in PEM form.`, { cause });
  }
  if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw new Error(`${file} is a key of another kind: P-256 is needed (openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256).`);
  return key;
}

/** Creates a first key if there is none, for dev. */
export function ensureKey(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (readdirSync(folder).some((name) => name.endsWith('.pem'))) return;
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  writeFileSync(join(folder, '0001.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
}
