import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exactJsonText, hasNameTwice, NumberText, parseExactJson } from './exact-json.ts';

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
  assert.equal(hasNameTwice(`{"a":"${'x\\n'.repeat(1_000_000)}","a":1}`), true, 'a long text');
});

test('a number that a double would round keeps its text; others are numbers', () => {
  for (const text of [
    '9007199254740993',
    '-9007199254740993',
    '9007199254740993.0',
    '1e3',
    '1E999',
    '900719925474.0993e4',
    '1.0000000000000000001',
    '2147483646.99999999',
    '123456789012345.9',
  ])
    assert.deepEqual(parseExactJson(text), new NumberText(text), text);
  for (const text of ['0', '-1', '9007199254740991', '1.0', '0.5', '-0.25']) assert.equal(parseExactJson(text), Number(text), text);
  assert.deepEqual(
    parseExactJson('{"a":[1e2,"1e2"],"__proto__":9007199254740993}'),
    JSON.parse('{"a":[0,"1e2"],"__proto__":0}', (key, value) =>
      key === '0' && value === 0 ? new NumberText('1e2') : key === '__proto__' ? new NumberText('9007199254740993') : value,
    ),
  );
});

test('what is no JSON, or says one name twice, is refused, and deep nesting ends in an error', () => {
  for (const text of ['', '{', '{"a":1,"a":1}', '01', '1e', 'NaN']) assert.throws(() => parseExactJson(text), SyntaxError, text);
  assert.throws(() => parseExactJson(`${'['.repeat(200_000)}1e1${']'.repeat(200_000)}`));
});

test('-0 keeps its sign where a message has it, at any depth, and nothing else changes', () => {
  const double = Buffer.alloc(8);
  double.writeDoubleLE(-0);
  const json = { a: -0, list: [0, -0, { b: -0 }], text: '-0', none: null };
  assert.equal(exactJsonText(json, Buffer.concat([Buffer.from([9]), double])), '{"a":-0,"list":[0,-0,{"b":-0}],"text":"-0","none":null}');
  const others = { a: 0, list: [0, '😀\ud800', true] };
  assert.equal(exactJsonText(others, double), JSON.stringify(others));
  assert.equal(exactJsonText(others, Buffer.alloc(0)), JSON.stringify(others));
});
