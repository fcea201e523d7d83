import assert from 'node:assert/strict';
import { test } from 'node:test';
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
