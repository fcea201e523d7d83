// grpc's interop tests: the clients and the servers of grpc-go and grpc-java, each with Portico's `forward` between: `npm run test:conformance`.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { holdPort } from '../../scripts/hold-port.ts';
import { attempt } from '../support/programs/programs.ts';
import { until } from '../support/time/until.ts';
import { buildGoPrograms, fetchJavaPrograms } from './builds.ts';
import type { Outcomes } from './deviations.ts';
import { hold } from './hold.ts';
import { releaseOf } from './release.ts';
import { longDeadline, openServers, type Servers } from './servers.ts';

/** The longest that one case may take. Milliseconds. */
const caseMaxMs = 60_000;
const metadata = ['x-grpc-test-echo-initial', 'x-grpc-test-echo-trailing-bin'];

const common = [
  'empty_unary',
  'large_unary',
  'client_streaming',
  'server_streaming',
  'ping_pong',
  'empty_stream',
  'timeout_on_sleeping_server',
  'cancel_after_begin',
  'cancel_after_first_response',
  'status_code_and_message',
  'special_status_message',
  'custom_metadata',
  'unimplemented_method',
  'unimplemented_service',
];
/** cacheable_unary is not among them: neither server has its method. */
const ofJava = [
  'client_compressed_unary',
  'server_compressed_unary',
  'client_compressed_streaming',
  'server_compressed_streaming',
  'very_large_request',
  'pick_first_unary',
];

type Language = {
  readonly name: string;
  readonly cases: readonly string[];
  client(name: string, servers: Servers): readonly string[];
  server(port: number): readonly string[];
};

const { program, descriptors } = await buildGoPrograms();
const jars = await fetchJavaPrograms();
const port = (url: string) => new URL(url).port;
const go: Language = {
  name: 'grpc-go',
  cases: common,
  client: (name, { tls, caFile }) => [
    program('client'),
    '-use_tls',
    '-use_test_ca',
    `-ca_file=${caFile}`,
    '-server_host=localhost',
    `-server_port=${port(tls.url)}`,
    `-test_case=${name}`,
  ],
  server: (at) => [program('server'), `-port=${at}`],
};
const javaOf = (classPath: string): Language => {
  const run = (name: string) => ['java', '-cp', classPath, `io.grpc.testing.integration.${name}`];
  return {
    name: 'grpc-java',
    cases: [...common, ...ofJava],
    client: (name, { plain }) => [
      ...run('TestServiceClient'),
      '--use_tls=false',
      '--server_host=localhost',
      `--server_port=${port(plain.url)}`,
      `--test_case=${name}`,
    ],
    server: (at) => [...run('TestServiceServer'), '--use_tls=false', `--port=${at}`],
  };
};
const languages = jars === undefined ? [go] : [go, javaOf(jars)];

for (const server of languages) {
  test(`interop: the server of ${server.name}`, async (t) => {
    await using upstream = await openProgram((at) => server.server(at));
    const policyOf = (method: string) => ({
      access: { anonymous: true },
      deadline: longDeadline,
      requestBytes: 1_048_576,
      forward: { upstream: 'interop', method, metadata, answerMetadata: metadata, texts: 'PASS' },
    });
    await using servers = await openServers({
      release: releaseOf(descriptors.interop, ['grpc.testing.TestService'], policyOf),
      upstreams: { interop: upstream.address },
    });
    for (const client of languages)
      await t.test(`the client of ${client.name}`, async () => {
        hold(await casesOf(client, servers), `interop-${client.name}-to-${server.name}.json`);
      });
  });
}

async function casesOf(client: Language, servers: Servers): Promise<Outcomes> {
  const outcomes = new Map<string, readonly string[]>();
  for (const name of client.cases) {
    const [file = '', ...args] = client.client(name, servers);
    const { status, stdout, stderr } = await attempt(file, args, { mostMs: caseMaxMs });
    outcomes.set(name, status === 0 ? [] : [`${stdout}${stderr}`.trim().slice(-2_000)]);
  }
  return outcomes;
}

/** Starts a server on a port that is held for it, and waits until it listens. */
async function openProgram(command: (port: number) => readonly string[]): Promise<AsyncDisposable & { readonly address: string }> {
  const at = await holdPort();
  const [file = '', ...args] = command(at);
  const child = spawn(file, args, { stdio: 'ignore' });
  const ended = once(child, 'exit');
  const listens = () =>
    new Promise<boolean>((resolve) => {
      const socket = connect(at, '127.0.0.1', () => resolve(true));
      socket.on('error', () => resolve(false)).on('close', () => socket.destroy());
      socket.once('connect', () => socket.end());
    });
  await until(`${file} listens`, listens, caseMaxMs);
  return {
    address: `127.0.0.1:${at}`,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
