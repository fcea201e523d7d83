import type { TLSSocket } from 'node:tls';
import type { Peer } from '../core/ports/call.ts';

export const nobody: Peer = { address: '', port: 0, certificateNames: [] };

/** The peer of a connection, with names only from a verified certificate. */
export function peerOf(socket: unknown): Peer {
  const { remoteAddress = '', remotePort = 0, authorized, getPeerCertificate } = (socket ?? {}) as Partial<TLSSocket>;
  const address = remoteAddress.startsWith('::ffff:') ? remoteAddress.slice('::ffff:'.length) : remoteAddress;
  if (authorized !== true || getPeerCertificate === undefined) return { address, port: remotePort, certificateNames: [] };
  const names = (socket as TLSSocket).getPeerCertificate().subjectaltname?.split(', ') ?? [];
  return { address, port: remotePort, certificateNames: names };
}
