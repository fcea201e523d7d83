// The image with what is around it: settings and secrets as a platform mounts them, a database, an identity provider
// and an OpenTelemetry collector.
import { execFileSync } from 'node:child_process';
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { exportJWK, SignJWT } from 'jose';
import { holdPort } from '../../scripts/hold-port.ts';
import { devTls } from '../../src/transport/tls/dev-certificates.ts';
import { systemClock } from '../../src/wire/system-clock.ts';
import { callOf, type registryOf, transportOf } from '../support/client/protocols.ts';
import { createDatabase } from '../support/postgres/postgres.ts';
import { buildImage, type Image } from './image.ts';

export type Deployed = {
  readonly image: Image;
  /** The variables that name the mounted files. */
  readonly env: Readonly<Record<string, string>>;
  /** PEM of the authority of its certificates. */
  readonly ca: string;
  readonly adminPort: number;
  /** Bytes that the collector received, by path. */
  readonly received: ReadonlyMap<string, number>;
  /** Signs alice in with an ID token. @returns the metadata of her calls */
  signIn(url: string, registry: ReturnType<typeof registryOf>): Promise<{ readonly authorization: string }>;
  close(): Promise<void>;
};

/**
 * Builds the image, and mounts all that a process of it needs.
 * @param upstreamsOf called with the port on which the process will publish its keys
 */
export async function openDeployed(
  upstreamsOf: (adminPort: number) => Promise<Readonly<Record<string, { readonly address: string }>>>,
): Promise<Deployed> {
  const image = buildImage();
  const identityKey = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const received = new Map<string, number>();
  const outside = createServer(async (request, response) => {
    if (request.url === '/jwks.json') {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ keys: [{ ...(await exportJWK(identityKey.publicKey)), kid: 'one', alg: 'ES256', use: 'sig' }] }));
      return;
    }
    let bytes = 0;
    for await (const chunk of request) bytes += (chunk as Buffer).length;
    received.set(request.url ?? '', (received.get(request.url ?? '') ?? 0) + bytes);
    response.setHeader('content-type', 'application/x-protobuf');
    response.end();
  });
  await once(outside.listen(0, '127.0.0.1'), 'listening');
  const outsideUrl = `http://127.0.0.1:${(outside.address() as AddressInfo).port}`;
  const database = await createDatabase();
  const adminPort = await holdPort();
  const { ca, env } = await mount(image, { outsideUrl, databaseUrl: database.url, adminPort, upstreams: await upstreamsOf(adminPort) });
  return {
    image,
    env,
    ca,
    adminPort,
    received,
    signIn: async (url, registry) => {
      const token = await new SignJWT()
        .setProtectedHeader({ alg: 'ES256', kid: 'one' })
        .setIssuer('https://id.example.com')
        .setSubject('alice')
        .setAudience('app')
        .setIssuedAt()
        .setExpirationTime('5m')
        .sign(createPrivateKey(identityKey.privateKey.export({ type: 'pkcs8', format: 'pem' })));
      const device = { platform: 'ios', name: 'phone' };
      const identity = { case: 'idToken', value: { token } };
      const signedIn = await callOf(registry, transportOf('json h1', { url, ca }), 'portico.v1.SessionService/SignIn', { identity, device });
      if (signedIn.code !== 0) throw new Error(`SignIn failed: ${signedIn.message}`);
      return { authorization: `Bearer ${signedIn.messages[0]?.accessToken}` };
    },
    close: async () => {
      outside.close();
      await database.drop();
      image.remove();
    },
  };
}

type Mounted = {
  readonly outsideUrl: string;
  readonly databaseUrl: string;
  readonly adminPort: number;
  readonly upstreams: Readonly<Record<string, { readonly address: string }>>;
};

/** Settings and secrets as files, as a platform gives them. */
async function mount({ mounts }: Image, { outsideUrl, databaseUrl, adminPort, upstreams }: Mounted): Promise<Pick<Deployed, 'ca' | 'env'>> {
  const at = (name: string) => join(mounts, name);
  await devTls(at('made'), systemClock.nowMs());
  for (const name of readdirSync(at('made'))) cpSync(at(`made/${name}`), at(name));
  mkdirSync(at('keys'));
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  writeFileSync(at('keys/2026-11.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
  writeFileSync(at('refresh-key'), 'a secret of the test that is long enough\n');
  writeFileSync(at('database-url'), `${databaseUrl}\n`);
  const leaf = readdirSync(at('made')).filter((name) => name.endsWith('.pem') && !name.startsWith('ca'));
  const [certFile = '', keyFile = ''] = ['cert', 'key'].map((kind) => at(leaf.find((name) => name.endsWith('key.pem') === (kind === 'key')) ?? ''));
  const settings = {
    public: { host: '127.0.0.1', port: 0, tls: { certFile, keyFile } },
    internal: { host: '127.0.0.1', port: 0 },
    admin: { host: '127.0.0.1', port: adminPort },
    auth: {
      keysDir: at('keys'),
      idTokenIssuers: [{ issuer: 'https://id.example.com', jwksUrl: `${outsideUrl}/jwks.json`, audiences: ['app'], nonceRequired: false }],
    },
    telemetry: { sampleRatio: 1 },
    upstreams,
  };
  writeFileSync(at('portico.yaml'), JSON.stringify(settings)); // JSON is YAML
  execFileSync('chmod', ['-R', 'a+rX', mounts]);
  execFileSync('mkdir', ['-m', '777', at('data')]);
  const env = {
    PORTICO_CONFIG: at('portico.yaml'),
    PORTICO_AUTH__REFRESH_KEY_FILE: at('refresh-key'),
    DATABASE_URL_FILE: at('database-url'),
    OTEL_EXPORTER_OTLP_ENDPOINT: outsideUrl,
  };
  return { ca: readFileSync(at('ca.pem'), 'utf8'), env };
}
