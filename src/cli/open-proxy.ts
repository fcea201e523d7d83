import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** The header of a proxy that speaks for itself: signature, version 2 and LOCAL, no family, no more bytes. */
const localHeader = Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex');

/**
 * Listens on loopback and passes connections on to the address, each after the PROXY header of a proxy's own check.
 * @see haproxy, doc/proxy-protocol.txt, section 2.2: the command LOCAL
 */
export async function openProxy(address: string): Promise<AsyncDisposable & { readonly address: string }> {
  const [, host = '', port = ''] = /^\[?(.+?)\]?:(\d+)$/.exec(address) ?? [];
  const open = new Set<Socket>();
  const proxy = createServer((socket) => {
    const onward = connect({ host, port: Number(port), noDelay: true });
    onward.write(localHeader);
    for (const [one, other] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      open.add(one);
      one.on('error', () => {}).on('close', () => other.destroy());
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve, reject) => proxy.once('error', reject).listen(0, '127.0.0.1', resolve));
  return {
    address: `localhost:${(proxy.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      proxy.close();
      for (const socket of open) socket.destroy();
    },
  };
}
