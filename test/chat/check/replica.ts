// One replica as a process of its own, to be killed: `replica.ts '{"databaseUrl", "dataDir", "redis", "clockMs"}'`.
import { openFixture } from '../../fixture/app.ts';
import { openTestServer } from '../../support/server/test-server.ts';
import { shiftedClock } from '../../support/time/shifted-clock.ts';

const { clockMs, ...shared } = JSON.parse(process.argv[2] ?? '{}');
const clock = shiftedClock();
clock.shift(clockMs);
const settings = {
  'live.streamsPerUser': 1_000,
  'live.beginsPerSecond': 10_000,
  'live.messagesPerSecond': 1_000,
  'chat.writesPerSecond': 1_000,
  'auth.accessTokenTtl': '1h',
};
const server = await openTestServer({ app: openFixture().app, samples: { scripted: '127.0.0.1:1' }, settings, shared, clock });
process.stdin.on('end', () => process.exit(0)).resume(); // it ends with whoever started it
console.log(`ready ${server.url}`);
