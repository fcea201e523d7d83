import type { MethodPlan } from '../kit/plan.ts';
import type { Reasons } from '../kit/status-of.ts';
import type { ComputationParts, Computed } from './computation.ts';
import type { Flights } from './flights.ts';
import type { Judge } from './judge.ts';
import type { CachedMethod } from './method.ts';

/** What the ways into the cache share. */
export type Inside = ComputationParts & {
  readonly judge: Judge;
  readonly flights: Flights<Computed>;
  readonly reasons: Reasons;
  readonly methodOf: (plan: MethodPlan) => CachedMethod;
};
