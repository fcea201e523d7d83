import assert from 'node:assert/strict';
import { differences, type Outcomes, readDeviations } from './deviations.ts';

/** Says how many cases passed, and fails when anything differs from the file of deviations. */
export function hold(outcomes: Outcomes, file: string): void {
  const passed = [...outcomes.values()].filter((complaints) => complaints.length === 0).length;
  const found = differences(outcomes, readDeviations(file));
  console.log(`${file}: ${passed} of ${outcomes.size} cases pass without a complaint`);
  assert.equal(found.length, 0, `${found.length} differences from deviations/${file}:\n${found.join('\n')}`);
}
