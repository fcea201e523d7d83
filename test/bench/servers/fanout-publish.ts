// How the benchmark publishes at a bare server: the body of a plain request is the message.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** @returns the port */
export async function publishBy(publish: (message: Uint8Array) => void): Promise<number> {
  const http = createServer(async (request, response) => {
    publish(await buffer(request));
    response.end();
  });
  await new Promise<void>((listening) => http.listen(0, '127.0.0.1', listening));
  return (http.address() as AddressInfo).port;
}
