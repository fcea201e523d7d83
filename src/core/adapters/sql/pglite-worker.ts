// A worker thread with PGlite behind its socket server: PGlite blocks its event loop, and a socket gives it the
// interface of any PostgreSQL.
import { parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';

const { folder, socket, connectionsMax } = workerData as { folder: string; socket: string; connectionsMax: number };
const db = await PGlite.create(folder);

/**
 * The socket server takes turns after each message of the protocol, unless a transaction is open. Two connections then
 * mix their unnamed statements, which all connections share: a value of one is bound to the statement of the other. So
 * what is sent up to a Sync, or a simple query, counts as a transaction.
 * @see "Extended Query" of PostgreSQL's frontend/backend protocol
 */
function inWholeQueries(db: PGlite): PGlite {
  let isOpen = false;
  const own: Partial<PGlite> = {
    isInTransaction: () => isOpen || db.isInTransaction(),
    execProtocolRawStream: (message, options) => {
      isOpen = /[PBDECH]/.test(String.fromCharCode(message[0] ?? 0)); // Parse, Bind, Describe, Execute, Close, Flush
      return db.execProtocolRawStream(message, options);
    },
    exec: (...query) => {
      isOpen = false; // of a connection that has ended
      return db.exec(...query);
    },
  };
  return new Proxy(db, {
    get: (target, key) => {
      const value = own[key as keyof PGlite] ?? Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

const server = new PGLiteSocketServer({ db: inWholeQueries(db), path: socket, maxConnections: connectionsMax });
await server.start();
parentPort?.postMessage('ready');
parentPort?.once('message', async () => {
  await server.stop();
  await db.close();
  parentPort?.postMessage('closed');
});
