import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { fakeClock } from '../../../../test/support/time/clock.ts';
import { openTelemetry } from './open-telemetry.ts';

for (const temporality of ['cumulative', 'delta']) {
  test(`the metrics page counts from the start, whatever is pushed as ${temporality} beside it`, async () => {
    let pushed = 0;
    const collector = createServer((request, response) => {
      request.resume().on('end', () => {
        pushed++;
        response.end();
      });
    });
    await new Promise<void>((listening) => collector.listen(0, '127.0.0.1', listening));
    const env = {
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}/v1/metrics`,
      OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: temporality,
    };
    const before = { ...process.env };
    Object.assign(process.env, env); // the exporter reads the rest of the variables itself
    const clock = fakeClock();
    const telemetry = await openTelemetry({ version: '0', sampleRatio: 0, accessLog: 'none', logLevel: 'error', pretty: false, env, clock });
    try {
      const counts = async () => /^rpc_server_call_duration_seconds_count\{.*\} (\d+)$/m.exec(await telemetry.metricsText())?.[1];
      telemetry.recorder.unknownMethod();
      assert.equal(await counts(), '1');
      telemetry.recorder.unknownMethod();
      assert.equal(await counts(), '2');
      assert.equal(await counts(), '2');
    } finally {
      await telemetry.close();
      process.env = before;
      collector.close();
    }
    assert.equal(pushed, 1); // the rest is pushed at the end
  });
}
