import type { Policy } from '../../gen/portico/v1/policy.ts';
import type { MethodPlan } from '../kit/method-plan.ts';
import { durationBetween, type Report } from './policy-errors.ts';

/** The default deadline of a unary method; a stream has none. */
export const unaryDeadlineMs = 10_000;
/** The deadline of a computation for the cache that a stream without a deadline begins. A lease lasts as long. */
export const streamComputationMs = 60_000;

/** @returns milliseconds; undefined: none */
export function deadlineOf({ deadline }: Policy, kind: MethodPlan['kind'], report: Report): number | undefined {
  if (deadline === '') return kind === 'unary' ? unaryDeadlineMs : undefined;
  return durationBetween(deadline, { leastMs: 1, mostMs: 3_600_000 }, 'deadline', report);
}
