import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { errorFields, jsonLog } from './logger.ts';
import { textDestination } from './terminal-log.ts';

function logOf(level: 'info' | 'debug') {
  const lines: string[] = [];
  const log = jsonLog({ level, service: { name: 'portico', version: '1' }, destination: textDestination((text) => lines.push(text)) });
  return { log, text: () => lines.join('') };
}
const refused = () => Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:5432'), { code: 'ECONNREFUSED' });

test('a line for people is short: time, level, message, fields', () => {
  const { log, text } = logOf('info');
  log.info('Ready.');
  log.warn('Redis does not answer.', { troubles: ['gone'], after_ms: 50, name: 'two words', token: 'secret' });
  assert.match(
    text(),
    /^\d\d:\d\d:\d\d info {2}Ready\.\n\d\d:\d\d:\d\d warn {2}Redis does not answer\. troubles=\["gone"\] after_ms=50 name="two words" token="?\[redacted\]"?\n$/,
  );
});

test('what the outside did has no stack, except at debug', () => {
  for (const [level, lines] of [
    ['info', 2],
    ['debug', 3],
  ] as const) {
    const { log, text } = logOf(level);
    log.warn('A connection to the database was lost.', { error: refused() });
    assert.match(text(), /lost\.\n {9}Error: connect ECONNREFUSED 127\.0\.0\.1:5432\n/);
    if (lines === 2) assert.doesNotMatch(text(), /\n {9} +at /);
    else assert.match(text(), /\n {9} +at /);
  }
});

test('a defect of ours has its stack, and an error its causes', () => {
  const { log, text } = logOf('info');
  log.error('A call failed by a defect.', { error: new TypeError('x is not a function') });
  assert.match(text(), /TypeError: x is not a function\n {9} +at /);
  const fetching = new TypeError('fetch failed', { cause: refused() });
  assert.deepEqual(errorFields(fetching, false), {
    type: 'TypeError',
    message: 'fetch failed',
    cause: { type: 'Error', message: 'connect ECONNREFUSED 127.0.0.1:5432', code: 'ECONNREFUSED' },
  });
});

test('several addresses that all failed are printed with the error of each', () => {
  const error = new AggregateError([refused(), new Error('connect ECONNREFUSED ::1:5432')], '');
  assert.equal(errorFields(error, false).message, 'connect ECONNREFUSED 127.0.0.1:5432; connect ECONNREFUSED ::1:5432');
  assert.deepEqual(errorFields('boom', false), { type: 'string', message: 'boom' });
});

test('any text is one well-formed line of JSON and obeyed by no terminal, and a long one is cut', () => {
  const written: string[] = [];
  const log = jsonLog({ level: 'info', service: { name: 'portico', version: '1' }, destination: { write: (line) => written.push(line) } });
  const check = (text: string) => {
    written.length = 0;
    log.error('A call failed by a defect.', { name: text.slice(0, 100), error: new Error(text, { cause: text }) });
    const [line = '', ...others] = written;
    assert.deepEqual(others, []);
    assert.match(line, /^\{[^\n]*\}\n$/);
    assert.ok(line.isWellFormed());
    const { name, error } = JSON.parse(line) as { readonly name: string; readonly error: { readonly message: string; readonly stack: string } };
    assert.equal(name, text.slice(0, 100));
    assert.ok(text.length > 600 || error.message === text.toWellFormed());
    assert.match(error.stack, /\n +at /);
    assert.ok(Buffer.byteLength(line) < 100_000, `${Buffer.byteLength(line)} bytes`);
    let shown = '';
    textDestination((part) => {
      shown += part;
    }).write(line);
    assert.doesNotMatch(shown, /[^\P{Cc}\n]/u);
  };
  const piece = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('\ud83d', '\0', '\u001b[2J', '\u009b', '\r\n', '"', '\\'));
  fc.assert(
    fc.property(
      fc.array(piece).map((pieces) => pieces.join('')),
      check,
    ),
  );
  for (const text of ['k'.repeat(1_000_000), '😀'.repeat(250_000), '\ud83d'.repeat(300_000), '\0'.repeat(1_000_000)]) check(text);
});
