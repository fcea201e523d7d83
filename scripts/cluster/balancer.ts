// A TCP balancer: what stands before replicas in production, in a few lines. TLS goes through untouched.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export type Replica = { readonly port: number; readonly readyUrl: string };
export type Balancer = { readonly port: number; close(): Promise<void> };

const lookEveryMs = 500;
/** A busy replica is still led to, as with the failureThreshold of a readinessProbe. */
const silentMax = 3;

/** Hands each connection to the next replica that is ready; one that does not take it is passed over. */
export async function openBalancer(
  replicas: readonly Replica[],
  { host, port }: { readonly host: string; readonly port: number },
): Promise<Balancer> {
  const ready = new Set<Replica>();
  const sockets = new Set<Socket>();
  let next = 0;
  /** Of one replica: looks in a row without an answer. */
  const silent = new Map<Replica, number>();
  const look = async (replica: Replica) => {
    const ok = await fetch(replica.readyUrl, { signal: AbortSignal.timeout(lookEveryMs) }).then(
      (response) => response.ok,
      (error: unknown) => ((error as Error).name === 'TimeoutError' ? undefined : false),
    );
    silent.set(replica, ok === undefined ? (silent.get(replica) ?? 0) + 1 : 0);
    if (ok === true) ready.add(replica);
    else if (ok === false || (silent.get(replica) ?? 0) >= silentMax) ready.delete(replica);
  };
  await Promise.all(replicas.map(look));
  const timer = setInterval(() => void Promise.all(replicas.map(look)), lookEveryMs);
  /** A replica that closes before its first byte is skipped: the next one receives all bytes of the client. */
  const hand = (client: Socket, [replica, ...others]: readonly Replica[], said: Buffer[]) => {
    if (replica === undefined) return void client.destroy();
    const inner = connect(replica.port, '127.0.0.1');
    sockets.add(inner);
    let answered = false;
    const pass = (bytes: Buffer) => {
      said.push(bytes);
      inner.write(bytes);
    };
    const leave = () => inner.destroy();
    for (const bytes of said) inner.write(bytes);
    client.on('data', pass).once('close', leave);
    inner.once('data', (first) => {
      answered = true;
      client.off('data', pass).write(first);
      client.pipe(inner).pipe(client);
    });
    inner
      .on('error', () => {})
      .once('close', () => {
        sockets.delete(inner);
        client.off('data', pass).off('close', leave);
        if (answered || client.destroyed) client.destroy();
        else hand(client, others, said);
      });
  };
  const server = createServer((client) => {
    sockets.add(client);
    client.on('error', () => {}).once('close', () => sockets.delete(client));
    const first = next++ % replicas.length;
    hand(
      client,
      [...replicas.slice(first), ...replicas.slice(0, first)].filter((replica) => ready.has(replica)),
      [],
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
