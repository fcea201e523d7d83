// `npm run test:push`: the promise of at least once, at its whole size.
import { test } from 'node:test';
import { checkDelivery } from './check-delivery.ts';

test('messages reach every device though workers are killed: 10,000 messages to 200 devices', (t) =>
  checkDelivery(t, { messages: 10_000, users: 100, workers: 3, killEveryMs: 1_500 }, { killed: 'workers', killsLeast: 10 }));

test('messages reach every device though whole replicas are killed: 10,000 messages to 200 devices', (t) =>
  checkDelivery(t, { messages: 10_000, users: 100, workers: 3, killEveryMs: 4_000 }, { killed: 'replicas', killsLeast: 10 }));
