import { test } from 'node:test';
import { usersOnRedis } from './redis-users.ts';

test('100 users, two replicas, one shared cache: no byte of one user is in an answer of another (5,000 calls; `npm run test:long` makes 100,000)', async () => {
  await usersOnRedis(5_000);
});
