import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reasonsOf } from './reasons-in-source.ts';

const cases: readonly (readonly [code: string, reasons: readonly string[]])[] = [
  ["throw new Fault('ORDER_UNKNOWN', 'no');", ['ORDER_UNKNOWN']],
  ['throw new Fault<string>(\n  "ORDER_UNKNOWN",\n  `no`,\n);', ['ORDER_UNKNOWN']],
  ["throw new Fault(late ? 'TOO_LATE' : 'TOO_EARLY', 'no');", ['TOO_LATE', 'TOO_EARLY']],
  ["translate(orders.getOrder({ orderId }), { NOT_FOUND: 'ORDER_UNKNOWN', ABORTED: 'ORDER_BUSY' })", ['ORDER_UNKNOWN', 'ORDER_BUSY']],
  ["const texts = { ORDER_UNKNOWN: 'We cannot find it.' }; const status = 'NOT_FOUND';", []],
  ["// throw new Fault('OLD_REASON')\n/* new Fault('OLDER')\n */ new Fault('NEW_REASON')", ['NEW_REASON']],
  ["const url = 'https://a.example'; throw new Fault('AFTER_A_URL');", ['AFTER_A_URL']],
  ["absentWhen(couriers.getDelivery({ orderId }), 'NOT_FOUND')", []],
];
for (const [code, reasons] of cases)
  test(`the reasons of ${JSON.stringify(code)}`, () => {
    assert.deepEqual(
      reasonsOf(code).map(({ reason }) => reason),
      reasons,
    );
  });

test('a reason is found with its line', () => {
  assert.deepEqual(reasonsOf("\n/* two\nlines */\nthrow new Fault('A_B');"), [{ reason: 'A_B', line: 4 }]);
});
