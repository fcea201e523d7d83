import type { MethodPlan } from '../kit/plan.ts';
import type { AdminOptions } from './admin.ts';
import type { Health } from './health.ts';

export type Readiness = {
  readonly probes: AdminOptions['probes'];
  readonly health: Health;
  /** To be called when something that it depends on has changed. */
  changed(): void;
  /** From now on not ready: the server is leaving. */
  drain(): void;
};

/**
 * What probes and the gRPC health service tell. Live: the process answers. Started: it listens, whatever it still waits for, since a restart brings no database back.
 * Ready: the database is open and fits, and the server is not leaving.
 * @param details what it does without, in lines for people: they change nothing about being ready
 */
export function openReadiness(
  plans: readonly MethodPlan[],
  waitsFor: () => string | undefined,
  details: () => readonly string[] = () => [],
): Readiness {
  const services = new Set(['', 'grpc.health.v1.Health', ...plans.map(({ descriptor }) => descriptor.parent.typeName)]);
  const callbacks = new Set<() => void>();
  let draining = false;
  const why = () => (draining ? 'the server is draining' : waitsFor());
  const ready = () => {
    const reason = why();
    return { ok: reason === undefined, lines: [...(reason === undefined ? [] : [reason]), ...details()] };
  };
  const changed = () => {
    for (const callback of [...callbacks]) callback();
  };
  return {
    probes: {
      '/livez': () => ({ ok: true, lines: [] }),
      '/readyz': ready,
      '/startupz': () => ({ ok: true, lines: ready().lines }),
    },
    health: {
      serving: (service) => (services.has(service) ? ready().ok : undefined),
      leaving: () => draining,
      onChange: (callback) => {
        callbacks.add(callback);
        return () => callbacks.delete(callback);
      },
    },
    changed,
    drain: () => {
      draining = true;
      changed();
    },
  };
}
