// `npm run test:group` tries the largest one.
import { test } from 'node:test';
import { tryLargeGroup } from './large-group.ts';

test('a group of 300: added page by page, sent to, listed and left at a cost that does not grow with it', async () => {
  await tryLargeGroup(300);
});
