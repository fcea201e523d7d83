// An identity provider for a developer's machine: replicas in production mode sign in whoever brings its ID token, and it gives one to anybody who asks.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

export type IdentityProvider = {
  readonly url: string;
  /** As the setting `auth.idTokenIssuers` has it. */
  readonly issuers: readonly object[];
  close(): void;
};

const audience = 'portico-cluster';

/** GET /sign-in?user=alice answers the request of SessionService/SignIn for that user, as JSON. */
export async function openIdentityProvider({ host, port }: { readonly host: string; readonly port: number }): Promise<IdentityProvider> {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const keys = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: '1', alg: 'ES256', use: 'sig' }] });
  const signIn = async (user: string) => {
    const token = new SignJWT().setProtectedHeader({ alg: 'ES256', kid: '1' }).setIssuer(url).setAudience(audience).setSubject(user);
    const idToken = { token: await token.setIssuedAt().setExpirationTime('5m').sign(privateKey) };
    return JSON.stringify({ idToken, device: { platform: 'ios', name: 'a phone' } });
  };
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    const send = (status: number, body: string) => response.writeHead(status, { 'content-type': 'application/json' }).end(body);
    if (pathname === '/jwks.json') return send(200, keys);
    if (pathname === '/sign-in') return void signIn(searchParams.get('user') ?? 'alice').then((body) => send(200, body));
    send(404, '{}');
  });
  server.listen(port, host);
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    issuers: [{ issuer: url, jwksUrl: `${url}/jwks.json`, audiences: [audience], nonceRequired: false }],
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
