import { BlockList, createServer, isIPv6, type Server, type Socket } from 'node:net';
import { proxyHeadBytes, proxyHeaderOf, proxyRestBytes } from '../../core/kit/proxy-header.ts';
import { namesClient, peerOf } from '../client-address.ts';
import type { FrontOptions } from '../front-options.ts';

/**
 * Reads the PROXY header (version 2) that each connection of a trusted proxy begins with, and passes the connection on
 * with the client's address. Whoever is no trusted proxy is refused before a byte is read.
 * @param pass takes the connections
 */
export function openProxyGate(pass: (socket: Socket) => void, { trustedProxies = [], timers: { prefaceMs }, clock, reports }: FrontOptions): Server {
  const trusted = new BlockList();
  for (const [network = '', bits] of trustedProxies.map((cidr) => cidr.split('/'))) trusted.addSubnet(network, Number(bits), familyOf(network));
  return createServer({ noDelay: true }, (socket: Socket) => {
    const { address } = peerOf(socket);
    const refuse = (reason: 'proxy_untrusted' | 'proxy_malformed' | 'preface_timeout') => {
      reports.abuse(reason, address);
      socket.destroy();
    };
    socket.on('error', () => {});
    if (!trusted.check(address, familyOf(address))) return refuse('proxy_untrusted');
    const cancel = clock.after(prefaceMs, () => refuse('preface_timeout'));
    socket.once('close', cancel);
    let head: Buffer | null = null;
    const tryHeader = () => {
      head ??= socket.read(proxyHeadBytes);
      if (head === null) return;
      const bytes = proxyRestBytes(head);
      const rest: Buffer | null = bytes === 0 || bytes === undefined ? Buffer.alloc(0) : socket.read(bytes);
      if (rest === null) return;
      socket.off('readable', tryHeader);
      cancel();
      const header = proxyHeaderOf(head, rest);
      if (header === undefined) return refuse('proxy_malformed');
      if (header.client !== undefined) namesClient(socket, header.client);
      process.nextTick(pass, socket); // until then Node does not notice that nobody listens to "readable"
    };
    socket.on('readable', tryHeader);
  });
}

const familyOf = (address: string) => (isIPv6(address) ? 'ipv6' : 'ipv4');
