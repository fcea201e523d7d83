// A worker that makes unary calls, one after the other, and notes how long each takes. It has its own event loop, so
// that the clients of a test do not delay it.
import { execFileSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { GetItemRequest } from '../../fixture/gen/fixture/v1/fixture.ts';
import { openWire } from '../../support/client/wire.ts';
import { framed } from '../../support/upstream/raw-upstream.ts';

export type ProbeData = {
  readonly url: string;
  readonly ca: string;
  readonly token: string;
  /** Default: a cached method of the fixture, and one that is not. */
  readonly calls?: readonly { readonly path: string; readonly body: Uint8Array }[];
  /** Whether its thread comes before all others on its core: for root, on Linux. */
  readonly isFirst?: boolean;
};
/** Of the calls since the last message. */
export type Probed = {
  readonly calls: number;
  readonly failed: readonly string[];
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** In order of their size. */
  readonly all: readonly number[];
};

const pauseMs = 3;
const { url, ca, token, calls = callsOfFixture(), isFirst = false } = workerData as ProbeData;
if (isFirst) execFileSync('chrt', ['--rr', '--pid', '1', readlinkSync('/proc/thread-self').split('/').at(-1) ?? '']);
const wire = await openWire({ url, ca });
let took: number[] = [];
let failed: string[] = [];
let going = true;
parentPort?.on('message', (message: 'report' | 'stop') => {
  if (message === 'stop') {
    going = false;
    return;
  }
  took.sort((a, b) => a - b);
  const at = (part: number) => took[Math.min(took.length - 1, Math.floor(took.length * part))] ?? 0;
  parentPort?.postMessage({ calls: took.length, failed, p50Ms: at(0.5), p99Ms: at(0.99), all: took } satisfies Probed);
  took = [];
  failed = [];
});
const common = { 'content-type': 'application/grpc', te: 'trailers', authorization: `Bearer ${token}` };
for (let i = 0; going; i++) {
  const { path, body } = calls[i % calls.length] as (typeof calls)[number];
  const beganMs = performance.now();
  const { headers, trailers } = await wire.ask({ ':path': path, ...common }, body);
  took.push(performance.now() - beganMs);
  const { 'grpc-status': status, 'grpc-message': message } = trailers['grpc-status'] === undefined ? headers : trailers;
  if (status !== '0') failed.push(`${path}: ${status} ${message}`);
  await sleep(pauseMs);
}
await wire[Symbol.asyncDispose]();
process.exit();

function callsOfFixture(): readonly { readonly path: string; readonly body: Uint8Array }[] {
  return [
    { path: '/fixture.v1.ScreenService/GetItem', body: framed(GetItemRequest.encode({ itemId: 'probe' }).finish()) },
    { path: '/fixture.v1.ScreenService/WhoAmI', body: framed(new Uint8Array()) },
  ];
}
