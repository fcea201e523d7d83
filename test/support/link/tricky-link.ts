// A link to a server on which chosen connections can be made deaf: they stand, and nothing comes back over them.
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export type TrickyLink = AsyncDisposable & {
  /** "127.0.0.1:41234" */
  readonly address: string;
  /** From now on nothing is passed back over the chosen connections, no end either. */
  deafen(): void;
  /** New connections work again; those that were deafened stay deaf. */
  heal(): void;
};

/** @param chosenBy text that a client sends early over the connections that are meant */
export async function openTrickyLink(port: number, chosenBy: string): Promise<TrickyLink> {
  const open = new Set<{ chosen: boolean; deaf: boolean }>();
  const sockets = new Set<Socket>();
  let deafening = false;
  const server = createServer((socket) => {
    const through = connect(port, '127.0.0.1');
    const link = { chosen: false, deaf: false };
    open.add(link);
    for (const end of [socket, through]) {
      sockets.add(end);
      end.on('error', () => {});
    }
    socket.on('data', (bytes) => {
      if (bytes.includes(chosenBy)) {
        link.chosen = true;
        link.deaf = deafening;
      }
      through.write(bytes);
    });
    through.on('data', (bytes) => {
      if (!link.deaf) socket.write(bytes);
    });
    socket.once('close', () => {
      open.delete(link);
      through.destroy();
    });
    through.once('close', () => link.deaf || socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    address: `127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
    deafen: () => {
      deafening = true;
      for (const link of open) link.deaf ||= link.chosen;
    },
    heal: () => {
      deafening = false;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
