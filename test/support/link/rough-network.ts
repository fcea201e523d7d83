// A TCP balancer before several servers, whose connections are cut, or lead nowhere for a while.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export type RoughNetwork = AsyncDisposable & {
  /** Of 127.0.0.1: each connection is passed on to one of the servers, whether it runs or not. */
  readonly port: number;
  readonly connections: () => number;
  /** Cuts so many connections. */
  cut(count: number): void;
  /**
   * So many connections pass nothing on, no end either, without a word: then they are cut, or pass it on late.
   * @param ms at most; the time is drawn, unless it is Infinity
   */
  swallow(count: number, ms: number, way?: Way): void;
  /** All that was swallowed is cut. */
  heal(): void;
  /** From now on new connections lead to these ports. */
  leadTo(ports: readonly number[]): void;
};

/** What is lost: all, what clients send, or what they are sent. */
export type Way = 'both' | 'there' | 'back';
type Link = { readonly ends: readonly [Socket, Socket]; hole: NodeJS.Timeout | undefined };

/** Of setTimeout. */
const timeoutMaxMs = 2 ** 31 - 1;

/** @param random from 0 up to 1 */
export async function openRoughNetwork(ports: readonly number[], random: () => number): Promise<RoughNetwork> {
  const links = new Set<Link>();
  let targets = ports;
  const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(random() * from.length)];
  const cutOne = (link: Link) => {
    clearTimeout(link.hole);
    links.delete(link);
    for (const end of link.ends) end.destroy();
  };
  const server = createServer((socket) => {
    const through = connect(pick(targets) ?? 0, '127.0.0.1');
    const link: Link = { ends: [socket, through], hole: undefined };
    links.add(link);
    for (const end of link.ends) {
      end.setNoDelay(true);
      end.on('error', () => {}).on('close', () => link.hole ?? cutOne(link));
    }
    socket.pipe(through).pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const swallowOne = (link: Link, ms: number, way: Way) => {
    const [one, other] = link.ends;
    const lost = [...(way === 'back' ? [] : [[one, other] as const]), ...(way === 'there' ? [] : [[other, one] as const])];
    for (const [from, to] of lost) from.unpipe(to).pause();
    const isLate = random() < 0.5;
    link.hole = setTimeout(() => {
      link.hole = undefined;
      if (!isLate || one.destroyed || other.destroyed) return cutOne(link);
      for (const [from, to] of lost) from.pipe(to);
    }, ms);
  };
  const some = (count: number) => Array.from({ length: count }, () => pick([...links])).filter((link) => link !== undefined);
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => links.size,
    cut: (count) => {
      for (const link of some(count)) cutOne(link);
    },
    swallow: (count, ms, way = 'both') => {
      for (const link of some(count)) if (link.hole === undefined) swallowOne(link, Math.min(ms * random(), timeoutMaxMs), way);
    },
    heal: () => {
      for (const link of [...links]) if (link.hole !== undefined) cutOne(link);
    },
    leadTo: (next) => {
      targets = next;
    },
    [Symbol.asyncDispose]: async () => {
      for (const link of [...links]) cutOne(link);
      server.close();
      await once(server, 'close');
    },
  };
}
