import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { GetHomeResponse } from '../../gen/app/v1/home.ts';
import { OrderStatus } from '../../gen/app/v1/order.ts';
import { TrackResponse } from '../../gen/couriers/v1/courier.ts';
import { mapLines } from './draw-map.ts';
import { draw, type Size } from './draw-screen.ts';
import { type Contents, emptyContents } from './screen-contents.ts';

const centre = { latitude: 51.3406, longitude: 12.3747 };
const courier = TrackResponse.fromPartial({ orderId: '1003', position: centre, minutesLeft: 4 });
const full: Contents = {
  ...emptyContents('alice'),
  phase: 'live',
  recovered: true,
  home: GetHomeResponse.fromPartial({
    profile: { displayName: 'Alice Marlow', city: 'Leipzig', points: 1_240 },
    orders: { orders: [{ orderId: '1003', status: OrderStatus.ORDER_STATUS_OUT_FOR_DELIVERY, content: 'A lens\n\u001B[2Jfor the old camera' }] },
    couriers: { names: ['Carol', 'Emil'], pickupMinutes: 3 },
    offers: { promotions: [{ title: 'Return trip', text: 'Half the price.' }] },
  }),
  couriers: new Map([['1003', courier]]),
  lines: Array.from({ length: 100 }, (_, i) => `line ${i}`),
};
const linesOf = (contents: Contents, size: Size) => stripVTControlCharacters(draw(contents, size)).split('\n');

test('the screen has state, home screen, map and the newest lines', () => {
  const lines = linesOf(full, { columns: 80, rows: 13 });
  assert.deepEqual(lines, [
    ` Portico · alice${' '.repeat(40)}● live   recovered: yes`,
    '─'.repeat(80),
    ' Hello Alice Marlow · Leipzig · 1240 points',
    ' 3  1003  out for delivery   4 min  A lens  [2Jfor the old camera',
    ' Couriers near by: Carol, Emil; pick-up in 3 min',
    ' Return trip: Half the price.',
    '',
    ` ${'·'.repeat(31)}  line 95`,
    ` ${'·'.repeat(31)}  line 96`,
    ` ${'·'.repeat(15)}3${'·'.repeat(15)}  line 97`,
    ` ${'·'.repeat(31)}  line 98`,
    ` ${'·'.repeat(31)}  line 99`,
    ' o: offline   c: chats   q: quit',
  ]);
});

test('a screen of any size is filled, and no line is wider than it', () => {
  for (const contents of [full, emptyContents('alice'), { ...full, homeLacks: 'stale', recovered: undefined }])
    for (const columns of [36, 40, 80, 200])
      for (const rows of [12, 24, 60]) {
        const lines = linesOf(contents, { columns, rows });
        assert.equal(lines.length, rows);
        for (const line of lines) assert.ok([...line].length <= columns, `${columns}: ${line}`);
      }
});

test('each state has its keys', () => {
  const keysOf = (phase: Contents['phase']) => linesOf({ ...full, phase }, { columns: 80, rows: 24 }).at(-1);
  assert.equal(keysOf('live'), ' o: offline   c: chats   q: quit');
  assert.equal(keysOf('waiting'), ' o: offline   r: try again now   c: chats   q: quit');
  assert.equal(keysOf('offline'), ' o: online   c: chats   q: quit');
  assert.equal(keysOf('refused'), ' o: online   c: chats   q: quit');
});

test('what is outside the map stands at its edge: north is up, east is right', () => {
  const at = (mark: string, latitude: number, longitude: number) => ({ mark, position: { latitude, longitude } });
  const marks = [at('a', 90, 12.3747), at('b', 51.3406, 180), at('c', -90, -180), at('d', 51.3406 + 0.011, 12.3747 - 0.0176)];
  assert.deepEqual(mapLines(marks, centre, { columns: 5, rows: 5 }), ['··a··', '·d···', '··+·b', '·····', 'c····']);
});
