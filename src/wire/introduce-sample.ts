import type { Portico } from './portico.ts';
import type { OpenedSample } from './sample-company.ts';

const dayMs = 86_400_000;

/**
 * Lets the services report every change to the server once that is ready: until then it verifies no token, and a report
 * would only wait for its deadline. The services end with the server.
 */
export async function introduce(services: OpenedSample, portico: Portico): Promise<Portico> {
  const { ports, caFile, serviceToken, whenReady } = portico;
  let closed = false;
  if (caFile !== undefined) {
    // the authority of a configured certificate is unknown here: changed answers expire by their ttl
    const target = { address: `localhost:${ports.internal}`, caFile, token: await serviceToken('sample', 30 * dayMs) };
    const publish = () => {
      if (!closed) services.publishTo(target);
    };
    whenReady.then(publish, () => {}); // a server that never is ready says so itself
  }
  return {
    ...portico,
    close: async () => {
      closed = true;
      services.close();
      await portico.close();
    },
  };
}
