import type { MethodPlan } from '../core/kit/method-plan.ts';
import type { Health } from '../transport/builtin/health.ts';

/** 200 or 503 with the reasons, for the kubelet and for operators. */
export type Probes = Readonly<Record<'/livez' | '/readyz' | '/startupz', () => { readonly ok: boolean; readonly lines: readonly string[] }>>;

export type Readiness = {
  readonly probes: Probes;
  readonly health: Health;
  /** Call it when a dependency has changed. */
  changed(): void;
  /** The server drains, and is not ready from now on. */
  drain(): void;
};

/**
 * The state that probes and the gRPC health service report. Live: the process answers. Started: it listens, whatever it
 * still waits for, because a restart does not restore a database. Ready: the database is open and fits, and the server
 * is not draining.
 * @param details unavailable dependencies as lines for operators; they do not change readiness
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
