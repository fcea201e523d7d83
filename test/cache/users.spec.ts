import { test } from 'node:test';
import { usersOnRedis } from './redis-users.ts';

test('100 users, two replicas, one shared cache: no byte of one user is in an answer of another (100,000 calls)', async () => {
  await usersOnRedis(100_000);
});
