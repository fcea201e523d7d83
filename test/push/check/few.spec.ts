// The small form of delivery.spec.ts.
import { test } from 'node:test';
import { checkDelivery } from './check-delivery.ts';

test('messages reach every device though workers are killed: 200 messages to 24 devices', (t) =>
  checkDelivery(t, { messages: 200, users: 12, workers: 2, killEveryMs: 1_000 }, { killed: 'workers', killsLeast: 0 }));
