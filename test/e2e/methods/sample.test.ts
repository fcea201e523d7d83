import { after, before } from 'node:test';
import { openSampleServer, type SampleServer, sampleRegistry } from '../../support/server/sample-server.ts';
import { coreRows } from './core-rows.ts';
import { holdTable } from './hold-table.ts';
import { sampleRows } from './sample-rows.ts';

let sample: SampleServer;
before(async () => {
  sample = await openSampleServer();
});
after(() => sample?.close());

holdTable('sample', [...coreRows, ...sampleRows], () => ({ server: sample.server, registry: sampleRegistry }));
