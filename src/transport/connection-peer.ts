import type { TLSSocket } from 'node:tls';
import type { Peer } from '../core/ports/call.ts';

/** The clients of connections that a proxy has passed on. */
const named = new WeakMap<object, { readonly address: string; readonly port: number }>();

/** From now on the connection, and TLS on it, is that of the client that its proxy has named. */
export function namesClient(socket: object, client: { readonly address: string; readonly port: number }): void {
  named.set(socket, client);
}

export const nobody: Peer = { address: '', port: 0, certificateNames: [] };

/** The peer of a connection, with names only from a verified certificate. */
export function peerOf(socket: unknown): Peer {
  const { remoteAddress = '', remotePort = 0, authorized, getPeerCertificate, _parent } = (socket ?? {}) as Partial<TLSSocket & { _parent: object }>;
  const client = named.get(_parent ?? socket ?? {});
  const port = client?.port ?? remotePort;
  const address = (client?.address ?? remoteAddress).replace(/^::ffff:/, '');
  if (authorized !== true || getPeerCertificate === undefined) return { address, port, certificateNames: [] };
  const names = (socket as TLSSocket).getPeerCertificate().subjectaltname?.split(', ') ?? [];
  return { address, port, certificateNames: names };
}
