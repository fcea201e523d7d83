// The same screen as a route of Fastify on HTTP/2: the token checked (and remembered), the JSON text kept per user and
// language.

import type { AddressInfo } from 'node:net';
import fastify from 'fastify';
import { given, ready } from './common.ts';
import { userOf } from './user-of.ts';

const json = given.json();
const answers = new Map<string, { readonly text: string; readonly freshUntilMs: number }>();
const server = fastify({ http2: true, https: { key: given.key(), cert: given.cert() } });
server.post('/app.v1.HomeService/GetHome', async (request, reply) => {
  const user = await userOf(request.headers.authorization);
  if (user === undefined) return reply.code(401).send();
  const key = `${user}|${request.headers['accept-language'] ?? ''}`;
  let known = answers.get(key);
  if (known === undefined || known.freshUntilMs <= Date.now()) {
    known = { text: json, freshUntilMs: Date.now() + 3_600_000 };
    answers.set(key, known);
  }
  return reply.type('application/json').send(known.text);
});
await server.listen({ host: '127.0.0.1', port: 0 });
ready({ port: (server.server.address() as AddressInfo).port });
