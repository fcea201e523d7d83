import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createNoopMeter } from '@opentelemetry/api';
import { keptLog } from '../../../test/support/log.ts';
import { fakeClock } from '../../../test/support/time/clock.ts';
import { transportReports } from './transport-metrics.ts';

test('a client that a limit refused is logged by its network, not by its address', () => {
  const { log, lines } = keptLog();
  const reports = transportReports(createNoopMeter(), log, fakeClock());
  reports.abuse('address_full', '2001:db8:1::7:9');
  reports.abuse('connections_full', '203.0.113.9');
  assert.deepEqual(
    lines.map(({ fields }) => fields),
    [
      { reason: 'address_full', peer: '2001:db8:1::' },
      { reason: 'connections_full', peer: '203.0.113.0' },
    ],
  );
});
