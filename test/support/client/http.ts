// Plain HTTP requests by hand, over HTTP/1.1 and HTTP/2, for what no client library would send.

import type { IncomingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import { openWire } from './wire.ts';

export type HttpReply = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly body: Buffer;
};
export type Ask = (method: string, path: string, headers?: Readonly<Record<string, string>>, body?: Uint8Array | string) => Promise<HttpReply>;
type Where = { readonly url: string; readonly ca: string };

/** One request on a connection of its own. */
export function http1({ url, ca }: Where): Ask {
  return (method, path, headers = {}, body) =>
    new Promise((resolve, reject) => {
      const sent = request(new URL(path, url), { method, headers, ca, agent: false }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            trailers: response.trailers as IncomingHttpHeaders,
            body: Buffer.concat(chunks),
          }),
        );
      });
      sent.on('error', reject);
      sent.end(body);
    });
}

/** One request on a connection of its own. */
export function http2(server: Where): Ask {
  return async (method, path, headers = {}, body) => {
    await using wire = await openWire(server);
    const reply = await wire.ask({ ':method': method, ':path': path, ...headers }, body);
    return { status: Number(reply.headers[':status']), headers: reply.headers, trailers: reply.trailers, body: reply.body };
  };
}

export const versions = [
  ['h1', http1],
  ['h2', http2],
] as const;
