import { lookup } from 'node:dns/promises';
import type { TLSSocket } from 'node:tls';
import type { UpstreamTarget } from '../../ports/upstream-transport.ts';
import { connectSocket } from './connect-socket.ts';
import { parseUpstreamAddress, type SocketAddress, textOf } from './upstream-address.ts';

/** How a connection to one address went. `failure` is what went wrong in the step, in the words of the system. */
export type Tried = {
  readonly address: string;
  readonly step: 'dns' | 'connect' | 'tls' | 'done';
  readonly failure: string;
};

/**
 * Connects once to each address of an upstream, as its calls do: by TCP or a socket file, and TLS with HTTP/2 where
 * that is set. A name is looked up, and connected to at one of its addresses.
 */
export async function tryConnections({ address, tls }: Pick<UpstreamTarget, 'address' | 'tls'>, withinMs: number): Promise<readonly Tried[]> {
  const place = parseUpstreamAddress(address);
  if ('addresses' in place) return Promise.all(place.addresses.map((one) => tryOne(one, tls, place.authority, withinMs)));
  const { name, port, authority } = place;
  try {
    await lookup(name);
  } catch (error) {
    return [{ address: authority, step: 'dns', failure: error instanceof Error ? error.message : String(error) }];
  }
  return [await tryOne({ host: name, port }, tls, authority, withinMs)];
}

async function tryOne(address: SocketAddress, tls: UpstreamTarget['tls'], authority: string, withinMs: number): Promise<Tried> {
  const at = textOf(address);
  let step: Tried['step'] = 'connect';
  const socket = connectSocket(address, tls, authority);
  const timer = setTimeout(() => socket.destroy(new Error(`nothing within ${withinMs / 1_000} s`)), withinMs);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject).once('close', () => reject(new Error('the connection was closed')));
      socket.once('connect', () => {
        step = 'tls';
        if (tls === undefined) resolve();
      });
      socket.once('secureConnect', () => {
        if ((socket as TLSSocket).alpnProtocol === 'h2') resolve();
        else reject(new Error('it does not offer HTTP/2 (ALPN "h2")'));
      });
    });
    return { address: at, step: 'done', failure: '' };
  } catch (error) {
    return { address: at, step, failure: error instanceof Error ? error.message : String(error) };
  } finally {
    clearTimeout(timer);
    socket.on('error', () => {}).destroy();
  }
}
