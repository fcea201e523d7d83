// A bare nice-grpc method that returns bytes that are ready.
import { ServerCredentials } from '@grpc/grpc-js';
import { createServer } from 'nice-grpc';
import { HomeServiceDefinition } from '../../../src/gen/app/v1/home.ts';
import { given, ready } from './common.ts';

const bytes = given.answer();
const raw = { encode: (value: Uint8Array) => ({ finish: () => value }), decode: (value: Uint8Array) => value };
const { getHome } = HomeServiceDefinition.methods;
const definition = {
  name: 'HomeService',
  fullName: 'app.v1.HomeService',
  methods: { getHome: { ...getHome, requestType: raw, responseType: raw } },
} as const;
const server = createServer();
server.add(definition as never, { getHome: async () => bytes } as never);
const port = await server.listen('127.0.0.1:0', ServerCredentials.createSsl(null, [{ private_key: given.key(), cert_chain: given.cert() }]));
ready({ port });
