import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeAnnouncement, encodeAnnouncement } from './event-announcement.ts';

const event = { position: { epoch: 'e1', offset: 7, id: 'id7' }, key: 'ü', payload: Buffer.from('a b\n'), publishedAtMs: 1_700 };

test('an announcement has the id of the event before it, if there is one', () => {
  for (const previousId of ['id6', ''])
    assert.deepEqual(decodeAnnouncement(encodeAnnouncement({ event, previousId }, 1_000)), { event, previousId, origin: undefined });
});

test('what the release before wrote is read, and it reads what is written now', () => {
  const [header = ''] = Buffer.from(encodeAnnouncement({ event, previousId: 'id6' }, 1_000))
    .toString('latin1')
    .split('\n');
  assert.equal(header, '1 e1 7 id7 1700 2 id6', 'it takes the first six words');
  assert.deepEqual(decodeAnnouncement(Buffer.from('1 e1 7 id7 1700 2\nüa b\n')), { event, previousId: undefined, origin: undefined });
});

test('what does not fit, and what is of a later release, is read from the log', () => {
  assert.equal(decodeAnnouncement(encodeAnnouncement({ event, previousId: 'id6' }, 20)), undefined);
  assert.equal(decodeAnnouncement(Buffer.from('2 e1 7 id7 1700 2 id6\nüa')), undefined);
});
