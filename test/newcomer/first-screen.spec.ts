// A newcomer adds a screen as docs/screens/first-screen.md says, and nothing that was green is red.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openNewcomer } from './newcomer.ts';

const newcomer = openNewcomer();
after(newcomer.remove);

test('after a screen was added as the docs say, the checks and tests are green, those of the sample too', () => {
  const printed = newcomer.follow('docs/screens/first-screen.md').join('\n');
  assert.match(printed, /app\.v1\.ProfileService\/GetProfile +unary +profile\.read +500ms/);
  newcomer.check('test/sample/{check-app,methods,policies,mobile-quotes}.test.ts');
});
