// A newcomer takes the sample out as docs/screens/replace-the-sample.md says, and what remains is green.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { projectFilesIn } from '../support/server/clone.ts';
import { openNewcomer } from './newcomer.ts';

const newcomer = openNewcomer();
after(newcomer.remove);

test('after the sample was replaced as the docs say, nothing of it is left, and the checks and tests are green', () => {
  const [deleted = '', added = ''] = newcomer.follow('docs/screens/replace-the-sample.md');
  assert.match(deleted, /^ok {5}app {10}0 screens, 0 reasons, texts in en, de$/m);
  assert.match(deleted, /^portico\.v1\.SessionService\/SignIn +unary +open to all/m);
  assert.doesNotMatch(deleted, /^app\.v1\./m);
  assert.equal(added, '');
  const ofSample =
    /^(?:src|proto|test)\/(?:gen\/)?(?:sample|accounts|couriers|orders|promotions)\/|^src\/gen\/app\/v1\/(?:home|order|promotion|tracking)\.ts$/;
  const left = projectFilesIn(newcomer.folder).filter((file) => ofSample.test(file));
  assert.deepEqual(left, []);
  newcomer.check();
});
