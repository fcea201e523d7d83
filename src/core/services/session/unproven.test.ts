import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasNameTwice } from './unproven.ts';

test('a name twice is found however it is spelled and however deep, and nothing else is', () => {
  const twice = ['{"a":1,"a":2}', '{"a":1, "b":[{"c":1,"c" : 2}]}', '{"\\u0061":1,"a":1}', '{"a\\"b":1,"a\\"b":2}', '{"":1,"":2}'];
  const once = [
    '{"a":"a","b":"a"}',
    '{"a":{"a":1},"b":{"a":1}}',
    '[{"a":1},{"a":1}]',
    '{"a":"\\"a\\":1,","b":"}"}',
    '"a"',
    '5',
    '{"a":"\\\\","b":":"}',
  ];
  for (const json of twice) assert.equal(hasNameTwice(json), true, json);
  for (const json of once) assert.equal(hasNameTwice(json), false, json);
});
