import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls } from 'node:tls';
import type { UpstreamTarget } from '../../ports/upstream-transport.ts';
import type { SocketAddress } from './upstream-address.ts';

/** The least time for an attempt to connect (grpc/grpc, doc/connection-backoff.md, MIN_CONNECT_TIMEOUT). */
export const connectMs = 20_000;

/**
 * Begins to connect to one address of an upstream, by TCP or TLS.
 * @param authority the name in the certificate, unless `tls.serverName` is set
 */
export function connectSocket(address: SocketAddress, tls: UpstreamTarget['tls'], authority: string): Socket {
  if (tls === undefined) return connectTcp({ ...address, noDelay: true });
  const { serverName, ca, key, cert } = tls;
  const named = serverName ?? authority.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  // each of several IP addresses is verified against its own certificate
  const name = serverName === undefined && isIP(named) !== 0 && 'host' in address ? address.host : named;
  const socket = connectTls({
    ...address,
    ALPNProtocols: ['h2'],
    servername: isIP(name) === 0 ? name : '', // RFC 6066, section 3: an IP address is not a server name
    checkServerIdentity: (_host, certificate) => checkServerIdentity(name, certificate),
    ...(ca && { ca }),
    ...(key && { key }),
    ...(cert && { cert }),
  });
  return socket.setNoDelay();
}
