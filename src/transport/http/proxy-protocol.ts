import { BlockList, createServer, isIPv6, type Server, type Socket } from 'node:net';
import { namesClient, peerOf } from '../connection-peer.ts';
import type { FrontOptions } from '../front-options.ts';

/**
 * Reads the PROXY header (version 2) that each connection of a trusted proxy begins with, and passes the connection on
 * with the client's address. Whoever is no trusted proxy is refused before a byte is read.
 * @param inner takes the connections; it does not listen
 */
export function openProxyGate(inner: Server, { trustedProxies = [], timers: { prefaceMs }, clock, reports }: FrontOptions): Server {
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
      process.nextTick(() => inner.emit('connection', socket)); // until then Node does not notice that nobody listens to "readable"
    };
    socket.on('readable', tryHeader);
  });
}

const familyOf = (address: string) => (isIPv6(address) ? 'ipv6' : 'ipv4');

/** What a PROXY header of version 2 says of its connection. `client` is missing where the proxy speaks for itself. */
type ProxyHeader = { readonly client: { readonly address: string; readonly port: number } | undefined };

/** Before its addresses: signature, version and command, family and transport, length. */
const proxyHeadBytes = 16;
/** The most that may follow: addresses take 36 bytes, and what balancers add some hundred. The format has 16 bits. */
const restBytesMax = 2_048;

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const [local, proxied] = [0x20, 0x21];
const [tcp4, tcp6] = [0x11, 0x21];
/** Families and transports without an address of the internet: the connection counts as the proxy's own. */
const others: ReadonlySet<number> = new Set([0x00, 0x12, 0x22, 0x31, 0x32]);

/**
 * @param head the first 16 bytes of a connection
 * @returns the number of bytes that follow in the header; undefined when it is none
 * @see haproxy, doc/proxy-protocol.txt, section 2.2
 */
export function proxyRestBytes(head: Buffer): number | undefined {
  if (head.length !== proxyHeadBytes || !head.subarray(0, 12).equals(signature)) return undefined;
  const bytes = head.readUInt16BE(14);
  return (head[12] === local || head[12] === proxied) && bytes <= restBytesMax ? bytes : undefined;
}

/**
 * @param head as above
 * @param rest the bytes that follow it in the header: addresses, then what the proxy adds, which is ignored
 * @returns undefined when it is malformed
 */
export function proxyHeaderOf(head: Buffer, rest: Buffer): ProxyHeader | undefined {
  if (proxyRestBytes(head) !== rest.length) return undefined;
  const family = head[13] as number;
  if (head[12] === local) return { client: undefined };
  if (family === tcp4) return rest.length < 12 ? undefined : { client: { address: rest.subarray(0, 4).join('.'), port: rest.readUInt16BE(8) } };
  if (family === tcp6) return rest.length < 36 ? undefined : { client: { address: ipv6Of(rest), port: rest.readUInt16BE(32) } };
  return others.has(family) ? { client: undefined } : undefined;
}

/** As Node writes addresses of sockets: RFC 5952, or IPv4 where that is mapped. */
function ipv6Of(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16)).join(':');
  const text = new URL(`http://[${groups}]`).hostname.slice(1, -1);
  const [, high, low] = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(text) ?? [];
  return high === undefined || low === undefined ? text : bytes.subarray(12, 16).join('.');
}
