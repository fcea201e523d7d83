import type { Clock } from '../kit/clock.ts';
import { Fault } from '../kit/fault.ts';
import { comeBackMs } from '../kit/maintenance-rules.ts';
import type { Interceptor } from '../ports/call.ts';
import type { MaintenanceState } from '../ports/maintenance.ts';
import { refused } from './errors-to-status.ts';

export type MaintenanceRefusalParts = {
  readonly maintenance: MaintenanceState;
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
  /** Over how long clients come back. Milliseconds. */
  readonly spreadMs: number;
};

/** Refuses calls during maintenance (MAINTENANCE), with the operator's text for users and a time to come back. */
export function refuseDuringMaintenance({ maintenance, clock, ...delay }: MaintenanceRefusalParts): Interceptor<unknown, unknown> {
  return function refuseDuringMaintenance(call, next) {
    const current = maintenance.current();
    if (current === undefined) return next(call);
    const until = new Date(current.untilMs).toISOString();
    const details = { metadata: { until }, texts: current.texts, retryAfterMs: comeBackMs(current.untilMs - clock.nowMs(), delay) };
    return refused(new Fault('MAINTENANCE', `The service is under maintenance until ${until}.`, details));
  };
}
