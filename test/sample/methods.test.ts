import { after, before } from 'node:test';
import { app } from '../../src/app/index.ts';
import { coreRows } from '../e2e/methods/core-rows.ts';
import { holdTable } from '../e2e/methods/hold-table.ts';
import { sampleRows } from './method-rows.ts';
import { isOfSample } from './sample-methods.ts';
import { openSampleServer, type SampleServer, sampleRegistry } from './sample-server.ts';

let sample: SampleServer;
before(async () => {
  sample = await openSampleServer();
});
after(() => sample?.close());

holdTable('sample', [...coreRows, ...sampleRows], () => ({
  server: sample.server,
  registry: sampleRegistry,
  reasons: app.reasons,
  isOurs: (method) => method.startsWith('portico.') || isOfSample(method),
}));
