// A server with the sample app and the sample company behind it, each of whose services can be made to misbehave, above gRPC or below it.
import type { Transport } from '@connectrpc/connect';
import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { app } from '../../src/app/index.ts';
import { readRelease } from '../../src/release/release.ts';
import { openService, type ServiceName, serviceNames } from '../../src/sample/company.ts';
import type { Behaviour } from '../../src/sample/inject-faults.ts';
import { openParcels } from '../../src/sample/parcels.ts';
import { systemClock } from '../../src/wire/system-clock.ts';
import { callOf, type Options, type Outcome, registryOf, transportOf } from '../support/client/protocols.ts';
import { type FaultyLink, openFaultyLink } from '../support/link/faulty-link.ts';
import { openTestServer, type TestServer } from '../support/server/test-server.ts';

export const sampleRelease = readRelease();
export const sampleRegistry = registryOf(sampleRelease.descriptorSet);

/** Calls a method of the sample app, whose errors may have its own reasons. */
export function callSample(
  transport: Transport,
  method: string,
  request: Readonly<Record<string, unknown>>,
  options: Options = {},
): Promise<Outcome> {
  return callOf(sampleRegistry, transport, method, request, { reasons: app.reasons, ...options });
}

export type SampleServer = {
  readonly server: TestServer;
  readonly links: Readonly<Record<ServiceName, FaultyLink>>;
  behave(name: ServiceName, behaviour: Behaviour): void;
  /** Tells the server, as an internal service does, what has changed. */
  invalidate(...tags: string[]): Promise<void>;
  close(): Promise<void>;
};

/** Opens the company, a faulty link to each of its services, and the server. Its parcels stay as they are except for what calls change. */
export async function openSampleServer(settings: Readonly<Record<string, unknown>> = {}): Promise<SampleServer> {
  let server: TestServer | undefined;
  const keys: JWTVerifyGetKey = (header, token) => createLocalJWKSet((server?.portico.jwks() ?? { keys: [] }) as JSONWebKeySet)(header, token);
  const parcels = openParcels(systemClock);
  parcels.close();
  const behaviours = new Map<ServiceName, Behaviour>();
  const opened = await Promise.all(
    serviceNames.map(async (name) => {
      const service = await openService(name, {
        clock: systemClock,
        keys,
        issuer: 'portico',
        parcels,
        behaviour: () => behaviours.get(name) ?? 'well',
        port: 0,
      });
      return { name, service, link: await openFaultyLink(service.address) };
    }),
  );
  const samples = Object.fromEntries(opened.map(({ name, link }) => [name, link.address]));
  const links = Object.fromEntries(opened.map(({ name, link }) => [name, link])) as Record<ServiceName, FaultyLink>;
  server = await openTestServer({ app, release: sampleRelease, samples, settings });
  const { portico, internalUrl, ca } = server;
  const token = await portico.serviceToken('orders', 3_600_000);
  const inner = transportOf('connect h2', { url: internalUrl, ca });
  return {
    server,
    links,
    behave: (name, behaviour) => void behaviours.set(name, behaviour),
    invalidate: async (...tags) => {
      const headers = { authorization: `Bearer ${token}` };
      const { code, message } = await callOf(sampleRegistry, inner, 'portico.internal.v1.PublisherService/Invalidate', { tags }, { headers });
      if (code !== 0) throw new Error(`Invalidate failed: ${message}`);
    },
    close: async () => {
      await server?.close();
      for (const { service, link } of opened) {
        await link.close();
        service.close();
      }
    },
  };
}
