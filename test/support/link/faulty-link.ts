// A link between the server and one of its upstreams, which can be cut, dead or talking nonsense: what happens below gRPC.

import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { holdPort } from '../../../scripts/hold-port.ts';

/** `refused`: nobody listens. `silent`: it takes connections and bytes and never says a word. `noise`: it answers what is no HTTP/2. */
export type LinkState = 'open' | 'refused' | 'silent' | 'noise';

export type FaultyLink = {
  /** "127.0.0.1:41234" */
  readonly address: string;
  /** Cuts all connections, and carries itself like this from now on. */
  become(state: LinkState): Promise<void>;
  /** Connections that the server holds now. */
  readonly connections: () => number;
  close(): Promise<void>;
};

/** @param to the upstream behind it */
export async function openFaultyLink(to: string): Promise<FaultyLink> {
  const port = Number(to.split(':')[1]);
  let state: LinkState = 'open';
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
  };
  let taken = 0;
  const server = createServer((socket) => {
    keep(socket);
    taken++;
    socket.once('close', () => taken--);
    if (state === 'noise') socket.write('HTTP/1.1 400 Bad Request\r\nserver: inner/10.1.2.3:9000\r\n\r\n');
    if (state !== 'open') return void socket.resume();
    const through = connect(port, '127.0.0.1');
    keep(through);
    socket.pipe(through).pipe(socket);
    socket.once('close', () => through.destroy());
    through.once('close', () => socket.destroy());
  });
  const own = await holdPort(); // it listens there again after nobody did
  const listen = async () => {
    server.listen(own, '127.0.0.1');
    await once(server, 'listening');
  };
  await listen();
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  const stop = async () => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    cut();
    await closed;
  };
  return {
    address: `127.0.0.1:${own}`,
    become: async (next) => {
      state = next;
      if (next === 'refused') await stop();
      else if (server.listening) cut();
      else await listen();
    },
    connections: () => taken,
    close: stop,
  };
}
