// Two replicas of `portico serve` behind a balancer, as in production: one of them can be stopped under its clients.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openClosers } from '../../scripts/cluster/closers.ts';
import { type Cluster, openCluster, type Replica, sampleNamespaces } from '../../scripts/cluster/open-cluster.ts';
import { callOf, keptTransports, registryOf } from '../support/client/protocols.ts';
import { scraped } from '../support/client/scrape.ts';
import { root } from './script.ts';

export type Replicas = Pick<Cluster, 'url' | 'caFile' | 'replicas' | 'serviceToken'> & {
  /** "localhost:41234" */
  readonly target: string;
  readonly ca: string;
  /** An ID token of the identity provider, with which a user signs in. */
  idTokenOf(user: string): Promise<string>;
  /** Publishes texts to a topic, at whichever replica. */
  publish(topic: string, texts: readonly string[]): Promise<void>;
  /** Another device of a user places an order. */
  placeOrder(user: string): Promise<void>;
  /** The replicas that hold a live stream. */
  holders(): Promise<readonly Replica[]>;
  close(): Promise<void>;
};

/** Clients may listen to `news:…` beside the topics of the sample company. */
const namespaces = { ...sampleNamespaces, news: { listen: 'users', history: 1_000 } };

/** @param settings more of them, as environment variables */
export async function openReplicas(settings: Readonly<Record<string, string>> = {}): Promise<Replicas> {
  const closers = openClosers();
  const registry = registryOf(readFileSync(join(root, 'src/gen/descriptors.binpb')));
  const transports = keptTransports();
  const variables = { PORTICO_LIVE__NAMESPACES: JSON.stringify(namespaces), ...settings };
  try {
    const options = { host: '127.0.0.1', port: 0, identityPort: 0, log: 'warn' };
    const cluster = await openCluster({ ...options, replicas: [{ variables }, { variables }] }, closers);
    const ca = readFileSync(cluster.caFile, 'utf8');
    const call = async (url: string, method: string, request: Record<string, unknown>, token = '') => {
      const headers: Record<string, string> = token === '' ? {} : { authorization: `Bearer ${token}` };
      const { code, reason, message, messages } = await callOf(registry, transports('grpc h2', { url, ca }), method, request, { headers });
      if (code !== 0) throw new Error(`${method}: ${reason} ${message}`);
      return messages[0] ?? {};
    };
    const idTokenOf = async (user: string) => {
      const answer = await fetch(`${cluster.identityUrl}/sign-in?user=${user}`);
      return ((await answer.json()) as { idToken: { token: string } }).idToken.token;
    };
    return {
      ...cluster,
      target: new URL(cluster.url).host,
      ca,
      idTokenOf,
      publish: async (topic, texts) => {
        const events = texts.map((text) => ({ topic, payload: Buffer.from(text) }));
        await call(`https://${cluster.internalAddress}`, 'portico.internal.v1.PublisherService/Publish', { events }, cluster.serviceToken);
      },
      placeOrder: async (user) => {
        const identity = { case: 'idToken', value: { token: await idTokenOf(user) } };
        const { accessToken } = await call(cluster.url, 'portico.v1.SessionService/SignIn', { identity, device: { platform: 'ios', name: 'other' } });
        const order = { content: 'A book', recipient: 'Dora', address: 'Gasse 1', weightGrams: 400 };
        await call(cluster.url, 'app.v1.OrderService/PlaceOrder', order, String(accessToken));
      },
      holders: async () => {
        const counts = await Promise.all(cluster.replicas.map((replica) => scraped(replica, 'portico_live_streams').catch(() => 0))); // one is stopped
        return cluster.replicas.filter((_, i) => (counts[i] ?? 0) > 0);
      },
      close: closers.close,
    };
  } catch (error) {
    await closers.close();
    throw error;
  }
}
