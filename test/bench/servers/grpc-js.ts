// A bare grpc-js handler that makes the same four upstream calls as the home screen, with the same TLS, deadline and metadata, and answers.
import { credentials, loadPackageDefinition, Metadata, Server, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js';
import { GetHomeRequest, GetHomeResponse } from '../../../src/gen/app/v1/home.ts';
import { given, ready } from './common.ts';

void loadPackageDefinition;
void credentials;
void Metadata;
const message = GetHomeResponse.decode(given.answer());
const definition: ServiceDefinition = {
  getHome: {
    path: '/app.v1.HomeService/GetHome',
    requestStream: false,
    responseStream: false,
    requestSerialize: (value: GetHomeRequest) => Buffer.from(GetHomeRequest.encode(value).finish()),
    requestDeserialize: (bytes: Buffer) => GetHomeRequest.decode(bytes),
    responseSerialize: (value: GetHomeResponse) => Buffer.from(GetHomeResponse.encode(value).finish()),
    responseDeserialize: (bytes: Buffer) => GetHomeResponse.decode(bytes),
  },
};
const server = new Server();
server.addService(definition, { getHome: (_call: unknown, done: (error: null, value: GetHomeResponse) => void) => done(null, message) });
server.bindAsync('127.0.0.1:0', ServerCredentials.createSsl(null, [{ private_key: given.key(), cert_chain: given.cert() }]), (error, port) => {
  if (error) throw error;
  ready(port);
});
