// A TCP balancer: what stands before replicas in production, in forty lines. TLS goes through untouched.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export type Replica = { readonly port: number; readonly readyUrl: string };
export type Balancer = { readonly port: number; close(): Promise<void> };

const lookEveryMs = 500;

/** Hands each connection to the next replica that is ready; one that does not take it is passed over. */
export async function openBalancer(
  replicas: readonly Replica[],
  { host, port }: { readonly host: string; readonly port: number },
): Promise<Balancer> {
  const ready = new Set<Replica>();
  const sockets = new Set<Socket>();
  let next = 0;
  const look = async (replica: Replica) => {
    const ok = await fetch(replica.readyUrl, { signal: AbortSignal.timeout(lookEveryMs) }).then(
      (response) => response.ok,
      () => false,
    );
    if (ok) ready.add(replica);
    else ready.delete(replica);
  };
  await Promise.all(replicas.map(look));
  const timer = setInterval(() => void Promise.all(replicas.map(look)), lookEveryMs);
  const hand = (phone: Socket, untried: readonly Replica[]) => {
    const [replica, ...others] = untried;
    if (replica === undefined) return void phone.destroy();
    const inner = connect(replica.port, '127.0.0.1');
    const refused = () => hand(phone, others);
    inner.once('error', refused);
    inner.once('connect', () => {
      sockets.add(inner);
      inner.off('error', refused).on('error', () => phone.destroy());
      phone.pipe(inner).pipe(phone);
      phone.once('close', () => inner.destroy());
      inner.once('close', () => {
        sockets.delete(inner);
        phone.destroy();
      });
    });
  };
  const server = createServer((phone) => {
    sockets.add(phone);
    phone.on('error', () => {}).once('close', () => sockets.delete(phone));
    const first = next++ % replicas.length;
    hand(
      phone,
      [...replicas.slice(first), ...replicas.slice(0, first)].filter((replica) => ready.has(replica)),
    );
  });
  server.listen(port, host);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      clearInterval(timer);
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}
