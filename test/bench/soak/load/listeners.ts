// Clients with a live stream: a topic, of which no event may be missing, and a watch of an order.
import { GetOrderRequest } from '../../../../src/gen/app/v1/order.ts';
import { LiveRequest, LiveResponse, type Position } from '../../../../src/gen/portico/v1/live.ts';
import { type H2Client, openH2Client } from '../../../support/client/h2-client.ts';
import { orders } from './calls.ts';
import type { Returning } from './churn.ts';
import { type LoadParts, pick } from './parts.ts';

const request = (message: LiveRequest['message']) => LiveRequest.encode({ message }).finish();
const acknowledgeEvery = 20;

export function openListener(i: number, topics: readonly string[], { port, ca, tokens, counts }: LoadParts): Returning {
  const topic = topics[i % topics.length] as string;
  const order = GetOrderRequest.encode({ orderId: String(i % orders) }).finish();
  let client: H2Client | undefined;
  let position: Position | undefined;
  let etag = '';
  const open = () =>
    new Promise<void>((resolve, reject) => {
      let handled = 0;
      let waiting = 2;
      const isOpen = () => {
        if (--waiting === 0) resolve();
      };
      const handle = (message: NonNullable<LiveResponse['message']>) => {
        if (message.$case === 'subscribed') {
          if (position !== undefined && !message.value.recovered) reject(new Error('a subscription was not resumed'));
          position ??= message.value.position;
          isOpen();
        } else if (message.$case === 'events') {
          for (const { offset, id } of message.value.events) {
            if (offset !== (position?.offset ?? 0n) + 1n) counts.failed('events', `after ${position?.offset} came ${offset}`);
            position = { epoch: position?.epoch ?? '', offset, eventId: id };
          }
          handled += message.value.events.length;
          counts.done('events', message.value.events.length);
        } else if (message.$case === 'watching') isOpen();
        else if (message.$case === 'snapshot') {
          ({ etag } = message.value);
          handled++;
          counts.done(message.value.partial ? 'snapshots without a part' : 'snapshots');
        } else if (message.$case === 'closed' || message.$case === 'watchClosed' || message.$case === 'subscriptionClosed')
          counts.failed('live streams', `${message.$case} ${message.value.reason}`);
        if (handled >= acknowledgeEvery && handled % acknowledgeEvery === 0)
          client?.send(request({ $case: 'acknowledge', value: { count: BigInt(handled) } }));
      };
      const subscriptions = [{ topic, generation: 1, position, presence: false }];
      const watches = [{ id: 1, generation: 1, method: 'app.v1.OrderService/GetOrder', request: Buffer.from(order), etag }];
      client = openH2Client({
        ...{ port, ca, path: '/portico.v1.LiveService/Connect', token: pick(tokens) },
        first: request({ $case: 'hello', value: { subscriptions, watches, heartbeatMs: 600_000, device: `listener-${i}` } }),
        onEnd: (why) => {
          counts.failed('live streams', `ended: ${why}`);
          reject(new Error(why));
        },
        onMessage: (bytes) => {
          const { message } = LiveResponse.decode(bytes);
          if (message !== undefined) handle(message);
        },
      });
    });
  return {
    open,
    close: () => client?.close(),
    cut: () => {
      client?.close();
      client?.socket.resetAndDestroy();
    },
  };
}
