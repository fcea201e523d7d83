// Tokens made by hand, so that they can be wrong in any way: jose would refuse to make most of them.
import { createHmac, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { calculateJwkThumbprint, type JWK } from 'jose';

export type Alg = 'ES256' | 'ES384' | 'RS256' | 'PS256' | 'EdDSA';
export type Key = { readonly kid: string; readonly alg: Alg; readonly privateKey: KeyObject; readonly publicKey: KeyObject };
type Json = Readonly<Record<string, unknown>>;

export function makeKey(kid: string, alg: Alg = 'ES256', rsaBits = 2_048): Key {
  return { kid, alg, ...pairFor(alg, rsaBits) };
}

function pairFor(alg: Alg, modulusLength: number) {
  if (alg === 'EdDSA') return generateKeyPairSync('ed25519');
  if (alg === 'RS256' || alg === 'PS256') return generateKeyPairSync('rsa', { modulusLength });
  return generateKeyPairSync('ec', { namedCurve: alg === 'ES256' ? 'prime256v1' : 'secp384r1' });
}

/** The public half as an issuer publishes it. */
export function jwkOf({ kid, alg, publicKey }: Key): JWK {
  return { ...(publicKey.export({ format: 'jwk' }) as JWK), kid, alg, use: 'sig' };
}

/** The server's own key that signs, out of its folder. */
export async function keyOfServer(dataDir: string): Promise<Key> {
  const folder = join(dataDir, 'keys');
  const privateKey = createPrivateKey(readFileSync(join(folder, readdirSync(folder).sort().at(-1) ?? '')));
  const publicKey = createPublicKey(privateKey);
  return { kid: await calculateJwkThumbprint(publicKey.export({ format: 'jwk' }) as JWK), alg: 'ES256', privateKey, publicKey };
}

export const encode = (part: Json | string): string => Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');

/** @param input header and payload as they are signed */
export function signatureOf(input: string, { alg, privateKey }: Pick<Key, 'alg' | 'privateKey'>): Buffer {
  const data = Buffer.from(input);
  if (alg === 'EdDSA') return sign(null, data, privateKey);
  if (alg === 'RS256') return sign('sha256', data, privateKey);
  if (alg === 'PS256') return sign('sha256', data, { key: privateKey, padding: 6, saltLength: 32 });
  return sign(alg === 'ES256' ? 'sha256' : 'sha384', data, { key: privateKey, dsaEncoding: 'ieee-p1363' });
}

/** A compact JWS; parts given as text are taken as they are, duplicate names and all. */
export function tokenOf(header: Json | string, payload: Json | string, key: Pick<Key, 'alg' | 'privateKey'>): string {
  const input = `${encode(header)}.${encode(payload)}`;
  return `${input}.${signatureOf(input, key).toString('base64url')}`;
}

/** As one who takes the public key for a shared secret would sign it. */
export function hmacTokenOf(header: Json, payload: Json, secret: string | Buffer): string {
  const input = `${encode(header)}.${encode(payload)}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
/** The 16 texts of an ES256 token that mean the same bytes: 64 bytes leave 4 bits of the last character unused. The first is the token itself. */
export function spellingsOf(token: string): readonly string[] {
  const used = alphabet.indexOf(token.at(-1) ?? '') & 0b110000;
  const all = Array.from({ length: 16 }, (_, bits) => token.slice(0, -1) + alphabet[used | bits]);
  return [token, ...all.filter((spelling) => spelling !== token)];
}
