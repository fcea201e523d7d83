// The same screen hand-written on connect-node: gRPC protocol, the token checked (and remembered, as one would), the message cached in memory per user.

import { readFileSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createFileRegistry, type DescMethodUnary, fromBinary, type Message } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { given, ready } from './common.ts';

const registry = createFileRegistry(
  fromBinary(FileDescriptorSetSchema, readFileSync(join(import.meta.dirname, '../../../src/gen/descriptors.binpb'))),
);
const found = registry.getService('app.v1.HomeService')?.method.getHome;
if (found === undefined) throw new Error('no GetHome in the descriptors');
const method = found as DescMethodUnary;
const jwks = createLocalJWKSet(given.jwks() as Parameters<typeof createLocalJWKSet>[0]);
const verified = new Map<string, { sub: string; expMs: number }>();
const answers = new Map<string, { message: Message; freshUntilMs: number }>();

async function userOf(header: string | null): Promise<string> {
  const token = header?.match(/^bearer +(\S+)$/i)?.[1] ?? '';
  const known = verified.get(token);
  if (known !== undefined && known.expMs > Date.now()) return known.sub;
  const { payload } = await jwtVerify(token, jwks, { algorithms: ['ES256'], requiredClaims: ['sub', 'exp'] }).catch(() => {
    throw new ConnectError('token', Code.Unauthenticated);
  });
  verified.set(token, { sub: String(payload.sub), expMs: Number(payload.exp) * 1_000 });
  return String(payload.sub);
}

const handler = connectNodeAdapter({
  connect: false,
  grpcWeb: false,
  routes: (router) =>
    router.rpc(method, async (_request, context) => {
      const user = await userOf(context.requestHeader.get('authorization'));
      const key = `${user}|${context.requestHeader.get('accept-language') ?? ''}`;
      const known = answers.get(key);
      if (known !== undefined && known.freshUntilMs > Date.now()) return known.message;
      const message = fromBinary(method.output, given.answer());
      answers.set(key, { message, freshUntilMs: Date.now() + 3_600_000 });
      return message;
    }),
});
const server = createSecureServer({ key: given.key(), cert: given.cert() }, handler);
server.listen(0, '127.0.0.1', () => ready({ port: (server.address() as AddressInfo).port }));
