// The same screen hand-written on connect-node: gRPC protocol, the token checked (and remembered, as one would), the message cached in memory per user.

import { readFileSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createFileRegistry, type DescMethodUnary, fromBinary, type Message } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { given, ready } from './common.ts';
import { userOf } from './user-of.ts';

const registry = createFileRegistry(
  fromBinary(FileDescriptorSetSchema, readFileSync(join(import.meta.dirname, '../../../src/gen/descriptors.binpb'))),
);
const found = registry.getService('app.v1.HomeService')?.method.getHome;
if (found === undefined) throw new Error('no GetHome in the descriptors');
const method = found as DescMethodUnary;
const answers = new Map<string, { message: Message; freshUntilMs: number }>();

const handler = connectNodeAdapter({
  connect: false,
  grpcWeb: false,
  routes: (router) =>
    router.rpc(method, async (_request, context) => {
      const user = await userOf(context.requestHeader.get('authorization'));
      if (user === undefined) throw new ConnectError('token', Code.Unauthenticated);
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
