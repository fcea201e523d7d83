// A process of clients that listen to a topic and watch an order each, for `storms`. Its argument is what they do
// (`ClientsOptions`); it does what it is told on its input, and prints a line of JSON when all clients have it.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { GetOrderRequest, GetOrderResponse } from '../../../src/gen/app/v1/order.ts';
import { LiveRequest, LiveResponse, type Position } from '../../../src/gen/portico/v1/live.ts';
import { type H2Client, openH2Client } from '../../support/client/h2-client.ts';
import type { ClientsOptions, Wait } from './clients.ts';

const { clients: count, port, caFile, token, topics, orders } = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as ClientsOptions;
const ca = readFileSync(caFile);
const say = (line: Record<string, unknown>) => console.log(JSON.stringify(line));
const request = (message: LiveRequest['message']) => LiveRequest.encode({ message }).finish();
const acknowledgeEvery = 20;
const retryMs = 1_000;

let wait: Wait | undefined;
let [recovered, retries] = [0, 0];
const clients = Array.from({ length: count }, (_, i) => openClient(i));

/** A client that resumes: it has its positions and etags, as src/client keeps them. */
function openClient(i: number) {
  const topic = topics[i % topics.length] as string;
  const orderId = String(i % orders);
  let client: H2Client | undefined;
  let position: Position | undefined;
  let etag = '';
  let content = '';
  let isSubscribed = false;
  let isWatching = false;
  let handled = 0;
  const has = () => {
    if (wait === undefined || !isSubscribed || !isWatching) return false;
    return Number(position?.offset ?? 0n) >= wait.offset && content === wait.content;
  };
  const handle = (message: NonNullable<LiveResponse['message']>) => {
    if (message.$case === 'subscribed') {
      if (position !== undefined && !message.value.recovered) say({ wrong: `client ${i} was not recovered` });
      if (position !== undefined) recovered++;
      position ??= message.value.position;
      isSubscribed = true;
    } else if (message.$case === 'events') {
      for (const { offset, id } of message.value.events) {
        if (offset !== (position?.offset ?? 0n) + 1n) say({ wrong: `client ${i}: after ${position?.offset} came ${offset}` });
        position = { epoch: position?.epoch ?? '', offset, eventId: id };
      }
      handled += message.value.events.length;
    } else if (message.$case === 'watching') isWatching = true;
    else if (message.$case === 'snapshot') {
      ({ etag } = message.value);
      content = GetOrderResponse.decode(message.value.payload).order?.content ?? '';
      handled++;
    } else if (message.$case === 'closed' || message.$case === 'watchClosed' || message.$case === 'subscriptionClosed')
      say({ wrong: `client ${i}: ${message.$case} ${message.value.reason}` });
    if (handled > 0 && handled % acknowledgeEvery === 0) client?.send(request({ $case: 'acknowledge', value: { count: BigInt(handled) } }));
  };
  const open = () => {
    const subscriptions = [{ topic, generation: 1, position, presence: false }];
    const order = GetOrderRequest.encode({ orderId }).finish();
    const watches = [{ id: 1, generation: 1, method: 'app.v1.OrderService/GetOrder', request: order, etag }];
    client = openH2Client({
      port,
      ca,
      path: '/portico.v1.LiveService/Connect',
      token,
      first: request({ $case: 'hello', value: { subscriptions, watches, heartbeatMs: 600_000, device: String(i) } }),
      onEnd: () => {
        retries++;
        [isSubscribed, isWatching, handled] = [false, false, 0];
        setTimeout(open, Math.random() * retryMs); // as src/client does, from the second try on
      },
      onMessage: (bytes) => {
        const { message } = LiveResponse.decode(bytes);
        if (message !== undefined) handle(message);
        look();
      },
    });
  };
  return {
    has,
    open,
    cut: () => {
      client?.close();
      client = undefined;
      [isSubscribed, isWatching, handled] = [false, false, 0];
    },
  };
}

/** How many of them have what is waited for: counted from the first that has not. */
let first = 0;
function look(): void {
  if (wait === undefined) return;
  while (first < count && clients[first]?.has()) first++;
  if (first < count) return;
  say({ done: wait.name, recovered, retries });
  wait = undefined;
}

type Command = { readonly do: 'open' | 'cut' | 'wait'; readonly wait?: Wait };
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line) as Command;
  if (command.wait !== undefined) {
    wait = command.wait;
    first = 0;
  }
  if (command.do === 'open') {
    [recovered, retries] = [0, 0];
    for (const client of clients) client.open();
  }
  if (command.do === 'cut') {
    for (const client of clients) client.cut();
    say({ done: 'cut' });
  }
  look();
}
process.exit();
