// A process of many clients. Its argument is what they do (`CrowdOptions`); it prints a line of JSON when all are ready,
// when all have received an event, and when one was lost.
import { readFileSync } from 'node:fs';
import { LiveRequest, LiveResponse } from '../../../src/gen/portico/v1/live.ts';
import { openH2Client } from '../../support/client/h2-client.ts';
import { checker } from './check.ts';
import type { CrowdOptions } from './crowd.ts';
import { topic } from './event.ts';
import { openWsClient } from './ws-client.ts';

const options = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as CrowdOptions;
const ca = readFileSync(options.caFile);
const say = (line: Record<string, unknown>) => console.log(JSON.stringify(line));
const { clients, port } = options;
let ready = 0;
/** How many clients have received an event, by its number. */
const reached = new Map<number, number>();
const opens: (() => void)[] = [];
const isReady = () => {
  if (++ready === clients) say({ ready: true });
  opens.shift()?.();
};
const has = (n: number) => {
  const count = (reached.get(n) ?? 0) + 1;
  if (count < clients) return void reached.set(n, count);
  reached.delete(n);
  say({ reached: n });
};
const fail = (why: string) => say({ wrong: why });

const readLive = checker((message) => {
  const { message: read } = LiveResponse.decode(message);
  return read?.$case === 'events' ? read.value.events.map(({ payload }) => payload) : [];
});
const readRaw = checker((message) => [message]);
const eventsTag = 0x5a; // field 11 of LiveResponse, length-delimited

function openLive(token: string): void {
  let next = 0;
  let handled = 0;
  let acknowledged = 0;
  let every = Number.POSITIVE_INFINITY;
  const request = (message: LiveRequest['message']) => LiveRequest.encode({ message }).finish();
  const subscriptions = options.watch ? [] : [{ topic, generation: 1, position: undefined, presence: false }];
  const watches = options.watch ? [{ id: 1, generation: 1, method: options.watch, request: Buffer.alloc(0), etag: '' }] : [];
  const first = request({ $case: 'hello', value: { subscriptions, watches, heartbeatMs: 600_000, device: '' } });
  const client = openH2Client({
    port,
    ca,
    path: options.path,
    token,
    first,
    onEnd: fail,
    onMessage: (message) => {
      if (message[0] === eventsTag) {
        const good = readLive.count(message, next);
        if (good === 0) return fail(`instead of event ${next} came ${message.toString('hex').slice(0, 80)}`);
        next += good;
        handled += good;
        has(next - 1);
        if (handled - acknowledged >= every) {
          acknowledged = handled;
          client.send(request({ $case: 'acknowledge', value: { count: BigInt(handled) } }));
        }
        return;
      }
      const read = LiveResponse.decode(message).message;
      if (read?.$case === 'welcome') every = read.value.acknowledgeEvery;
      else if (read?.$case === 'subscribed') isReady();
      else if (read?.$case === 'snapshot') {
        if (next === 0) isReady();
        has(next++);
      } else if (read?.$case !== 'heartbeat' && read?.$case !== 'watching')
        fail(JSON.stringify(read, (_, v) => (typeof v === 'bigint' ? String(v) : v)));
    },
  });
}

function openCentrifugo(): void {
  let next = 0;
  openWsClient({
    port,
    ca,
    channel: topic,
    onSubscribed: isReady,
    onEnd: fail,
    onMessage: (message) => {
      if (readRaw.count(message, next) !== 1) return fail(`instead of event ${next} came ${message.toString('hex').slice(0, 80)}`);
      has(next++);
    },
  });
}

for (let i = 0; i < clients; i++) {
  if (i >= 20) await new Promise<void>((next) => opens.push(next)); // twenty handshakes at a time
  if (options.kind === 'live') openLive(options.tokens[i] ?? '');
  else openCentrifugo();
}
process.stdin.resume().once('end', () => process.exit());
