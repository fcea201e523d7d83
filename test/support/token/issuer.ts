// An identity provider: its keys over HTTP on loopback, and tokens signed by them.
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { jwkOf, type Key, makeKey, tokenOf } from './jws.ts';

export type StubIssuer = AsyncDisposable & {
  readonly issuer: string;
  readonly jwksUrl: string;
  /** What it publishes; a test adds and removes. */
  keys: Key[];
  /** Set: answers in its place. */
  answer: ((response: ServerResponse) => void) | undefined;
  /** How often its keys were asked for. */
  readonly asked: () => number;
  /** Signed by its newest key. */
  sign(claims: Readonly<Record<string, unknown>>, header?: Readonly<Record<string, unknown>>): string;
};

export async function openIssuer(name: string, keys: Key[] = [makeKey(`${name}-1`)]): Promise<StubIssuer> {
  let asked = 0;
  const server = createServer((_request, response) => {
    asked++;
    if (stub.answer !== undefined) return stub.answer(response);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ keys: stub.keys.map(jwkOf) }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stub: StubIssuer = {
    issuer: `https://${name}.example`,
    jwksUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`,
    keys,
    answer: undefined,
    asked: () => asked,
    sign: (claims, header = {}) => {
      const key = stub.keys.at(-1) as Key;
      return tokenOf({ alg: key.alg, kid: key.kid, ...header }, claims, key);
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  return stub;
}
