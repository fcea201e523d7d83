// A raw node:http2 server: it hashes each body, writes it to a file, syncs that, and answers the hash.
import { createHash, randomUUID } from 'node:crypto';
import { open } from 'node:fs/promises';
import { createSecureServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { given, ready } from './common.ts';

const folder = String(process.env.BENCH_FOLDER);
const server = createSecureServer({ key: given.key(), cert: given.cert() });
server.on('stream', (stream) => {
  stream.on('error', () => {});
  void take(stream);
});

async function take(stream: ServerHttp2Stream): Promise<void> {
  const hash = createHash('sha256');
  const file = await open(join(folder, randomUUID()), 'wx');
  for await (const chunk of stream) {
    hash.update(chunk);
    await file.writeFile(chunk);
  }
  await file.sync();
  await file.close();
  stream.respond({ ':status': 200 });
  stream.end(hash.digest('hex'));
}

server.listen(0, '127.0.0.1', () => ready({ port: (server.address() as AddressInfo).port }));
