// The way from src/client to a real server: a link that can be cut, and both transports.
import { setDefaultCACertificates } from 'node:tls';
import { nodeTransport } from '../../../src/client/node-transport.ts';
import { webTransport } from '../../../src/client/web-transport.ts';
import { type FaultyLink, openFaultyLink } from '../link/faulty-link.ts';

type Reached = { readonly url: string; readonly ca: string };

/** Opens a link to a server, whose authority fetch trusts from now on. */
export async function openLinkTo({ url, ca }: Reached): Promise<FaultyLink & { readonly port: string }> {
  const link = await openFaultyLink(`127.0.0.1:${new URL(url).port}`);
  setDefaultCACertificates([ca]);
  return { ...link, port: link.address.split(':')[1] ?? '' };
}

/** The transports to a server that is open when they are: by its own port, or by that of a link. */
export const transportsTo = (server: () => Reached) =>
  ({
    'gRPC of nice-grpc': (port: string) => nodeTransport({ address: `localhost:${port}`, ca: Buffer.from(server().ca) }),
    'Connect over fetch': (port: string) => webTransport({ url: `https://localhost:${port}`, fetch }),
  }) as const;
