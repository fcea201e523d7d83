// The sample's methods only: a screen that a team adds changes nothing here.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { app } from '../../src/app/index.ts';
import { planTable } from '../../src/cli/print-plan.ts';
import { methodsOf } from '../../src/wire/methods.ts';
import { isOfSample, policiesFile } from './sample-methods.ts';
import { sampleRelease } from './sample-server.ts';

const { plans, warnings } = methodsOf(sampleRelease, app, { only: undefined, upstreams: undefined });

test('the policies of the sample app are these', () => {
  const table = planTable([...plans.values()].filter(({ method }) => isOfSample(method)).sort((a, b) => (a.method < b.method ? -1 : 1)));
  if (process.env.GOLDEN === 'write') writeFileSync(policiesFile, table);
  assert.equal(
    table,
    readFileSync(policiesFile, 'utf8'),
    `differs from ${policiesFile}: run GOLDEN=write node --test test/sample, and read what changed`,
  );
});

test('the policies of the sample app give no warning', () => {
  const files = /^proto\/app\/v1\/(?:home|order|promotion|tracking)\.proto:/;
  assert.deepEqual(
    warnings.filter((warning) => files.test(warning)),
    [],
  );
});
