import { openHttp2Transport } from '../../src/core/adapters/upstream-http2/open-transport.ts';
import type { UpstreamTransport } from '../../src/core/ports/upstream-transport.ts';
import { systemClock } from '../../src/wire/system-clock.ts';
import { makeAuthority, makeCertificate } from '../support/token/certificates.ts';
import { openRawUpstream, type RawUpstream } from '../support/upstream/raw-upstream.ts';
import { upstreamTransportContract } from './upstream-transport.ts';

upstreamTransportContract('node:http2', async () => {
  const upstream = await openRawUpstream();
  const transport = openHttp2Transport({ address: upstream.address }, { clock: systemClock, random: Math.random });
  return { transport, upstream, [Symbol.asyncDispose]: () => close(transport, upstream) };
});

function close(transport: UpstreamTransport, upstream: RawUpstream): Promise<void> {
  transport.close();
  return upstream.close();
}

const authority = await makeAuthority('inside');
const server = await makeCertificate(authority, 'upstream.internal');
const client = await makeCertificate(authority, 'portico');
upstreamTransportContract('node:http2 over mTLS', async () => {
  const upstream = await openRawUpstream({ ...server, ca: authority.cert, requestCert: true, rejectUnauthorized: true });
  const tls = { ca: Buffer.from(authority.cert), key: Buffer.from(client.key), cert: Buffer.from(client.cert), serverName: 'upstream.internal' };
  const transport = openHttp2Transport({ address: upstream.address, tls }, { clock: systemClock, random: Math.random });
  return { transport, upstream, [Symbol.asyncDispose]: () => close(transport, upstream) };
});
