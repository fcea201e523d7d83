// A bare nice-grpc method that encodes the same ts-proto message per call.
import { ServerCredentials } from '@grpc/grpc-js';
import { createServer } from 'nice-grpc';
import { GetHomeResponse, HomeServiceDefinition } from '../../../src/gen/app/v1/home.ts';
import { given, ready } from './common.ts';

const message = GetHomeResponse.decode(given.answer());
const server = createServer();
server.add(HomeServiceDefinition, { getHome: async () => message, streamHome: async function* () {} });
const port = await server.listen('127.0.0.1:0', ServerCredentials.createSsl(null, [{ private_key: given.key(), cert_chain: given.cert() }]));
ready({ port });
