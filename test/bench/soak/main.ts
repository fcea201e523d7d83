// `npm run soak -- --minutes 10 --folder DIR`: a mixed load on one `portico serve`, and whether something grows.
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, freemem, loadavg } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { sharedRedis } from '../../support/redis/redis.ts';
import { openIssuer } from '../../support/token/issuer.ts';
import { insertConversations } from '../chat/conversations.ts';
import { openHarness } from '../harness.ts';
import { pinnedCores } from '../pinned-cores.ts';
import { startPinned } from '../process.ts';
import { openCounts } from './counts.ts';
import { namespace, runLoad } from './load/run-load.ts';
import { audience } from './load/sign-ins.ts';
import { plotOf } from './plot.ts';
import { fileLimit, type Sample, sampleOf } from './sample.ts';
import { verdictOf } from './verdict.ts';

const usage = `Usage: npm run soak -- --minutes N --folder DIR

  --minutes N    how long is judged, from 0.1 to 1440, after a warm-up of as long
  --folder DIR   gets soak.svg and soak.json
  SOAK_CLIENTS   clients with a stream, from 10 to 20000; default: 2000`;
/** In the warm-up and in what is judged. */
const samplesWanted = 120;
const sampleLeastMs = 4_000;
/** Of the server: sockets of clients, those of calls, files, and those that are just being closed. */
const filesBeside = 1_000;
/** What a client may take, here and in the server; and both without clients. Bytes. */
const [clientBytes, processesBytes] = [300_000, 1.5e9];

function refuse(why: string): never {
  console.error(`${why}\n\n${usage}`);
  process.exit(64);
}

const { values } = parseArgs({ options: { minutes: { type: 'string' }, folder: { type: 'string' } } });
const [minutes, clients] = [Number(values.minutes), Number(process.env.SOAK_CLIENTS ?? 2_000)];
if (!(minutes >= 0.1 && minutes <= 1_440)) refuse(`--minutes ${values.minutes}: a number from 0.1 to 1440 is allowed.`);
if (!(Number.isInteger(clients) && clients >= 10 && clients <= 20_000))
  refuse(`SOAK_CLIENTS=${process.env.SOAK_CLIENTS}: a whole number from 10 to 20000 is allowed.`);
const folder = resolve(values.folder ?? refuse('--folder is missing.'));
const [files, filesNeeded] = [fileLimit(process.pid) ?? filesBeside + clients, filesBeside + clients];
if (files < filesNeeded) refuse(`${files} files may be open, and ${filesNeeded} are needed: ulimit -n ${filesNeeded}`);
const memoryNeeded = processesBytes + clients * clientBytes;
if (freemem() < memoryNeeded) refuse(`${Math.round(freemem() / 1e6)} MB of memory are free, and ${Math.round(memoryNeeded / 1e6)} are needed.`);
mkdirSync(folder, { recursive: true });

await using open = new AsyncDisposableStack();
const harness = open.use(await openHarness(pinnedCores()));
const issuer = open.use(await openIssuer('soak'));
const service = await startPinned(resolve('test/bench/soak/orders-main.ts'), { core: 0, env: harness.env });
open.defer(service.stop);
await insertConversations(harness.databaseUrl);
const replica = await harness.replica({
  redis: await sharedRedis(),
  upstreams: {
    ...harness.settings.upstreams,
    orders: { address: service.ready.address, tls: { caFile: join(harness.folder, 'tls/ca.pem') } },
  },
  auth: {
    ...harness.settings.auth,
    idTokenIssuers: [{ issuer: issuer.issuer, jwksUrl: issuer.jwksUrl, audiences: [audience], nonceRequired: false }],
  },
  cache: { bytesMax: 16_777_216 }, // full within a minute: what fills slowly looks like growth
  // All clients have one address and few users, which real ones have not.
  live: {
    namespaces: { [namespace]: { listen: 'users', history: 1_000 } },
    ...{ streamsPerUser: 100_000, beginsPerSecond: 10_000, messagesPerSecond: 10_000, unacknowledgedMax: 100_000 },
  },
  chat: { writesPerSecond: 10_000 },
  public: { ...harness.settings.public, limits: { connections: 100_000 } },
});
const counts = openCounts();
const end = new AbortController();
const began = Promise.withResolvers<void>();
const load = runLoad({ harness, replica, issuer, clients, counts, signal: end.signal, onAllOpen: began.resolve });
load.catch(began.reject);
await began.promise;
console.error(`  ${clients} clients are there; load average ${(loadavg()[0] ?? 0).toFixed(1)}`);

const beganMs = performance.now();
// The warm-up is as long: malloc's pages become resident one by one as they are used for the first time, for minutes.
const runMs = 2 * minutes * 60_000;
const endMs = beganMs + runMs;
const everyMs = Math.max(sampleLeastMs, runMs / samplesWanted);
let errorsSaid = 0;
const samples: Sample[] = [];
while (performance.now() < endMs) {
  await Promise.race([sleep(Math.min(everyMs, endMs - performance.now())), load]); // which ends only by a defect of the load
  const sample = await sampleOf(replica, counts, beganMs);
  samples.push(sample);
  const { atSeconds, rssBytes, heapBytes, handles, streams, lagP99Seconds, failures } = sample;
  const mb = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
  console.error(
    `  ${Math.round(atSeconds)} s: resident ${mb(rssBytes)}, heap ${mb(heapBytes)}, ${handles} files, ${streams} streams, delay ${Math.round(1_000 * lagP99Seconds)} ms, ${failures} failed`,
  );
  for (const error of counts.errors.slice(errorsSaid)) console.error(`    ${error}`);
  errorsSaid = counts.errors.length;
}
end.abort();
await load;
const verdict = verdictOf(samples);
const machine = { cpu: cpus()[0]?.model, cores: cpus().length, node: process.versions.node, loadAverage: loadavg()[0] };
const result = { minutes, clients, machine, verdict, did: counts.did, errors: counts.errors, samples };
writeFileSync(join(folder, 'soak.json'), `${JSON.stringify(result, null, 2)}\n`);
writeFileSync(join(folder, 'soak.svg'), plotOf(samples));
for (const [kind, times] of Object.entries(counts.did)) console.log(`  ${kind.padEnd(28)}${String(times).padStart(10)}`);
for (const line of [...verdict.said, ...counts.errors.slice(0, 10)]) console.log(`  WRONG: ${line}`);
const words = verdict.judged ? 'Nothing grows, and nothing failed.' : 'Nothing failed; it was too short to say whether something grows.';
console.log(`${verdict.ok ? words : 'Not good.'} ${join(folder, 'soak.svg')}`);
process.exitCode = verdict.ok ? 0 : 1;
