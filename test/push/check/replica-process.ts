// A whole replica that pushes, as a process of its own, which can be killed at any time.
import { openFixture } from '../../fixture/app.ts';
import { apnsIds } from '../../support/push/apns-server.ts';
import { openTestServer } from '../../support/server/test-server.ts';
import type { WorkerOrders } from './worker-process.ts';

const { databaseUrl, dataDir = '', redis, apns, fcm } = JSON.parse(process.env.WORKER_ORDERS ?? '') as WorkerOrders;
const settings = {
  'live.beginsPerSecond': 10_000,
  'live.messagesPerSecond': 1_000,
  'chat.writesPerSecond': 1_000,
  'push.provider': 'platforms',
  'push.after': '2s',
  'push.apns.teamId': apnsIds.teamId,
  'push.apns.keyId': apnsIds.keyId,
  'push.apns.topics': apnsIds.topics,
  'push.apns.key': apns.key,
  'push.apns.url': apns.url,
  'push.apns.sandboxUrl': apns.url,
  'push.fcm.account': fcm.account,
  'push.fcm.url': fcm.url,
};
process.stdin.resume().on('end', () => process.exit()); // it ends with whoever started it
const shared = { databaseUrl, dataDir, ...(redis && { redis }) };
const server = await openTestServer({ app: openFixture().app, samples: { scripted: '127.0.0.1:1' }, settings, shared });
console.log(`ready ${new URL(server.url).port}`);
