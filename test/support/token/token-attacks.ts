// What is tried with an access token, whoever its issuer: each with the reason that the server must give.
import { encode, hmacTokenOf, jwkOf, type Key, makeKey, signatureOf, tokenOf } from './jws.ts';

type Json = Readonly<Record<string, unknown>>;
/** A good token in its parts. */
export type Ground = { readonly header: Json; readonly claims: Json; readonly key: Key; readonly nowS: number };
export type Attack = { readonly name: string; readonly token: string; readonly reason: string };

const stranger = makeKey('stranger');
const strangerRsa = makeKey('stranger-rsa', 'RS256');

/** All of them, TOKEN_INVALID unless said otherwise. */
export function tokenAttacks(ground: Ground): readonly Attack[] {
  const invalid = [...ofHeaders(ground), ...ofSignatures(ground), ...ofClaims(ground), ...ofShapes(ground)];
  return [...invalid.map(([name, token]) => ({ name, token, reason: 'TOKEN_INVALID' })), ...ofTime(ground)];
}

type Named = readonly [name: string, token: string];

function ofHeaders({ header, claims, key }: Ground): readonly Named[] {
  const good = tokenOf(header, claims, key);
  const signature = good.split('.')[2];
  const withHeader = (more: Json) => tokenOf({ ...header, ...more }, claims, key);
  const raw = `${encode({ ...header, b64: false, crit: ['b64'] })}.${JSON.stringify(claims)}`;
  return [
    ...['none', 'None', 'NONE', 'nOnE'].flatMap((alg): readonly Named[] => {
      const input = `${encode({ ...header, alg })}.${encode(claims)}`;
      return [
        [`alg "${alg}" without a signature`, `${input}.`],
        [`alg "${alg}" with a signature`, `${input}.${signature}`],
      ];
    }),
    ['no alg', tokenOf({ ...header, alg: undefined }, claims, key)],
    ['alg ES384 over an ES256 signature', withHeader({ alg: 'ES384' })],
    ['a crit that nobody knows', withHeader({ crit: ['speed'], speed: 1 })],
    ['an empty crit', withHeader({ crit: [] })],
    ['b64: false', `${encode({ ...header, b64: false, crit: ['b64'] })}.${encode(claims)}.${signatureOf(raw, key).toString('base64url')}`],
    ['typ of an ID token', withHeader({ typ: 'JWT' })],
    ['typ of an internal token', withHeader({ typ: 'portico-internal+jwt' })],
    ['typ of a number', withHeader({ typ: 5 })],
    ['no typ', withHeader({ typ: undefined })],
    ['a header name twice', tokenOf(JSON.stringify(header).replace('{', `{"alg":"none",`), claims, key)],
  ];
}

function ofSignatures({ header, claims, key }: Ground): readonly Named[] {
  const [head = '', body = '', signature = ''] = tokenOf(header, claims, key).split('.');
  const pem = key.publicKey.export({ type: 'spki', format: 'pem' });
  const der = key.publicKey.export({ type: 'spki', format: 'der' });
  const hs = { ...header, alg: 'HS256' };
  const flipped = Buffer.from(signature, 'base64url');
  flipped[10] = (flipped[10] ?? 0) ^ 1;
  const parts = (last: string) => `${head}.${body}.${last}`;
  return [
    ['HS256 with the public key as PEM', hmacTokenOf(hs, claims, pem as string)],
    ['HS256 with the public key as DER', hmacTokenOf(hs, claims, der)],
    ['HS256 with the public key as JWK', hmacTokenOf(hs, claims, JSON.stringify(jwkOf(key)))],
    ['RS256 by an RSA key under our kid', tokenOf({ ...header, alg: 'RS256' }, claims, strangerRsa)],
    ["a stranger's key under our kid", tokenOf(header, claims, { ...stranger, alg: 'ES256' })],
    ["a stranger's key under its own kid", tokenOf({ ...header, alg: 'ES256', kid: stranger.kid }, claims, stranger)],
    ['a kid of a number', tokenOf({ ...header, kid: 7 }, claims, stranger)],
    ['no kid, by a stranger', tokenOf({ ...header, alg: 'ES256', kid: undefined }, claims, stranger)],
    ['a key that the token brings along', tokenOf({ ...header, alg: 'ES256', kid: undefined, jwk: jwkOf(stranger) }, claims, stranger)],
    ['a key at a URL of the token', tokenOf({ ...header, alg: 'ES256', jku: 'https://evil.example/jwks.json' }, claims, stranger)],
    ['changed claims', `${head}.${encode({ ...claims, sub: 'mallory' })}.${signature}`],
    ['a changed signature', parts(flipped.toString('base64url'))],
    ['a signature of zeros', parts(Buffer.alloc(64).toString('base64url'))],
    ['half a signature', parts(signature.slice(0, signature.length / 2))],
    ['no signature', parts('')],
    ['padding', parts(`${signature}==`)],
    ['padding in the header', `${head}=.${body}.${signature}`],
  ];
}

function ofClaims({ header, claims, key, nowS }: Ground): readonly Named[] {
  const withClaims = (more: Json) => tokenOf(header, { ...claims, ...more }, key);
  const many = (count: number) => Array.from({ length: count }, (_, i) => (i === 0 ? String(claims.aud) : `other-${i}`));
  return [
    ['another issuer', withClaims({ iss: 'https://evil.example' })],
    ['no issuer', withClaims({ iss: undefined })],
    ['a list of issuers', withClaims({ iss: [claims.iss] })],
    ['another audience', withClaims({ aud: 'another' })],
    ['no audience', withClaims({ aud: undefined })],
    ['an audience of a number', withClaims({ aud: 5 })],
    ['17 audiences', withClaims({ aud: many(17) })],
    ['no exp', withClaims({ exp: undefined })],
    ['exp of text', withClaims({ exp: String(claims.exp) })],
    ['exp years away', withClaims({ exp: nowS + 5 * 365 * 86_400 })],
    ['exp beyond numbers', tokenOf(header, JSON.stringify(claims).replace(/"exp":\d+/, '"exp":1e308'), key)],
    ['no iat', withClaims({ iat: undefined })],
    ['iat of text', withClaims({ iat: String(claims.iat) })],
    ['iat in the future', withClaims({ iat: nowS + 60 })],
    ['nbf in the future', withClaims({ nbf: nowS + 60 })],
    ['no sub', withClaims({ sub: undefined })],
    ['an empty sub', withClaims({ sub: '' })],
    ['a sub of a number', withClaims({ sub: 42 })],
    ['a huge sub', withClaims({ sub: 'a'.repeat(3_000) })],
    ['a claim twice', tokenOf(header, JSON.stringify(claims).replace('{', '{"sub":"mallory",'), key)],
    ['a claim twice, once escaped', tokenOf(header, JSON.stringify(claims).replace('{', '{"s\\u0075b":"mallory",'), key)],
  ];
}

function ofShapes({ header, claims, key }: Ground): readonly Named[] {
  const good = tokenOf(header, claims, key);
  const [head = '', body = '', signature = ''] = good.split('.');
  return [
    ['two parts', `${head}.${body}`],
    ['four parts', `${good}.${signature}`],
    ['five parts, as of an encrypted token', `${good}.${signature}.${signature}`],
    ['empty parts', '..'],
    ['one word', 'hello'],
    ['claims that are a list', tokenOf(header, '[1]', key)],
    ['claims that are no JSON', tokenOf(header, 'claims', key)],
    ['a header that is no JSON', tokenOf('header', claims, key)],
    ['a header that is null', tokenOf('null', claims, key)],
  ];
}

function ofTime({ header, claims, key, nowS }: Ground): readonly Attack[] {
  const expired = (name: string, more: Json) => ({ name, token: tokenOf(header, { ...claims, ...more }, key), reason: 'TOKEN_EXPIRED' });
  return [
    expired('expired', { iat: nowS - 120, exp: nowS - 60 }),
    expired('expired just beyond the tolerance', { iat: nowS - 120, exp: nowS - 7 }),
    expired('expired in 1970', { iat: nowS - 10, exp: 0 }),
  ];
}
