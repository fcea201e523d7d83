// A worker thread with PGlite behind its socket server: PGlite blocks its event loop, and a socket gives it the
// interface of any PostgreSQL.
import { parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';

const { folder, socket, connectionsMax } = workerData as { folder: string; socket: string; connectionsMax: number };
const db = await PGlite.create(folder);
const server = new PGLiteSocketServer({ db, path: socket, maxConnections: connectionsMax });
await server.start();
parentPort?.postMessage('ready');
parentPort?.once('message', async () => {
  await server.stop();
  await db.close();
  parentPort?.postMessage('closed');
});
