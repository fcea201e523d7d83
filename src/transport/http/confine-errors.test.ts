import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { confine } from './confine-errors.ts';

test('what a listener throws is reported, and whoever emits the event notices nothing', () => {
  const emitter = new EventEmitter();
  const failures: unknown[] = [];
  confine(emitter, (error) => failures.push(error));
  const defect = new URIError('URI malformed');
  emitter.on('wantTrailers', () => {
    throw defect;
  });
  assert.equal(emitter.emit('wantTrailers'), true);
  assert.deepEqual(failures, [defect]);
});

test('events pass as they are', () => {
  const emitter = new EventEmitter();
  confine(emitter, (error) => assert.ifError(error));
  const seen: unknown[] = [];
  emitter.on('data', (...values) => seen.push(...values));
  assert.deepEqual([emitter.emit('data', 1, 2), emitter.emit('nobody listens'), seen], [true, false, [1, 2]]);
});
