import { after, before } from 'node:test';
import { openSampleDoor, type SampleDoor, sampleRegistry } from '../../support/sample-door.ts';
import { coreRows } from './core-rows.ts';
import { holdTable } from './hold-table.ts';
import { sampleRows } from './sample-rows.ts';

let sample: SampleDoor;
before(async () => {
  sample = await openSampleDoor();
});
after(() => sample?.close());

holdTable('sample', [...coreRows, ...sampleRows], () => ({ door: sample.door, registry: sampleRegistry }));
