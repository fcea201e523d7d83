import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { planJson, planTable } from '../../src/cli/print-plan.ts';
import type { MethodPlan } from '../../src/core/kit/method-plan.ts';
import { compilePlans, servicesWithPolicies } from '../../src/core/policy/compile-plans.ts';
import { typesOf } from '../../src/release/release.ts';

const root = resolve(import.meta.dirname, '../..');
const registry = typesOf(readFileSync(join(root, 'test/fixture/gen/descriptors.binpb')));
const fixture = sorted(
  compilePlans({
    registry,
    sources: () => undefined,
    served: (service) => service === 'fixture.v1.ScreenService' || service === 'fixture.v1.ForwardService',
  }).plans,
);

function sorted(plans: ReadonlyMap<string, MethodPlan>): readonly MethodPlan[] {
  return [...plans.values()].sort((a, b) => (a.method < b.method ? -1 : 1));
}

/** Compares with a file of test/policy/golden; GOLDEN=write makes it anew, to be read before it is committed. */
function equalsGolden(text: string, name: string): void {
  const path = join(import.meta.dirname, 'golden', name);
  if (process.env.GOLDEN === 'write') writeFileSync(path, text);
  assert.equal(
    text,
    readFileSync(path, 'utf8'),
    `differs from test/policy/golden/${name}: run GOLDEN=write node --test test/policy, and read what changed`,
  );
}

test('the table shows every method with the policy that is enforced, what was not said marked', () => {
  equalsGolden(planTable(fixture), 'fixture.txt');
});

test('the table shows how a write invalidates', () => {
  const write = fixture.find(({ method }) => method.endsWith('/ChangeItem')) as MethodPlan;
  assert.match(planTable([{ ...write, soft: true, settleMs: 5_000 }]), / item:\{item_id\} items \(soft, settle 5s\) /);
});

test('as JSON the same can be read by programs', () => {
  equalsGolden(planJson(fixture), 'fixture.json');
});

test('the policies of our own services are these, and give no warning', () => {
  const ours = new Set([...servicesWithPolicies(registry)].filter((name) => name.startsWith('portico.'))); // a hook is served by the company
  const { plans, warnings } = compilePlans({ registry, sources: () => undefined, served: (name) => ours.has(name) });
  equalsGolden(planTable(sorted(plans)), 'core.txt');
  assert.deepEqual(warnings, []);
});
