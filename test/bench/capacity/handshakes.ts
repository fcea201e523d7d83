// TLS handshakes one after the other, each on a connection of its own that is closed after it.
import { once } from 'node:events';
import { connect } from 'node:tls';

type Parts = { readonly port: number; readonly ca: Buffer };

/** @returns the session that the server gave, to be resumed */
export async function firstSession(parts: Parts): Promise<Buffer> {
  const socket = open(parts);
  const [session] = (await once(socket, 'session')) as [Buffer];
  socket.destroy();
  return session;
}

/** @throws Error when a session was not resumed, or was without being asked to */
export async function handshakes(count: number, parts: Parts, session?: Buffer): Promise<void> {
  for (let i = 0; i < count; i++) {
    const socket = open(parts, session);
    await once(socket, 'secureConnect');
    if (socket.isSessionReused() !== (session !== undefined)) throw new Error('A TLS session was not resumed as it should be.');
    socket.destroy();
    await once(socket, 'close');
  }
}

function open({ port, ca }: Parts, session?: Buffer) {
  return connect({ host: '127.0.0.1', port, ca, servername: 'localhost', ALPNProtocols: ['h2'], ...(session !== undefined && { session }) });
}
