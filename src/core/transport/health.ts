import type { Server } from 'nice-grpc';
import { ServerError } from 'nice-grpc';
import { type HealthCheckRequest, HealthCheckResponse_ServingStatus, HealthDefinition } from '../../gen/grpc/health/v1/health.ts';

/** What the health service tells: of the whole server (""), or of one service by its full name. */
export type Health = {
  /** Undefined: there is no such service. */
  serving(service: string): boolean | undefined;
  /** Whether the server drains: it will not serve again. */
  leaving(): boolean;
  /** @returns takes the callback off again */
  onChange(callback: () => void): () => void;
};

const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = HealthCheckResponse_ServingStatus;
/** grpc.status.NOT_FOUND, as the protocol wants for unknown services (grpc/grpc, doc/health-checking.md). */
const notFound = 5;

/** grpc.health.v1.Health on nice-grpc: for balancers and `grpc_health_probe`; it bypasses `answer`, because it must answer when little else does. */
export function addHealth(server: Server, health: Health): void {
  server.add(HealthDefinition, {
    check: async ({ service }: HealthCheckRequest) => {
      const serving = health.serving(service);
      if (serving === undefined) throw new ServerError(notFound, `There is no service "${service}" here.`);
      return { status: serving ? SERVING : NOT_SERVING };
    },
    async *watch({ service }: HealthCheckRequest, { signal }) {
      let last: number | undefined;
      while (!signal.aborted) {
        const serving = health.serving(service);
        const status = serving === undefined ? SERVICE_UNKNOWN : serving ? SERVING : NOT_SERVING;
        if (status !== last) yield { status };
        last = status;
        if (health.leaving()) return; // a stream that stays would hold the drain up to the end of its grace
        await changed(health, signal);
      }
    },
  });
}

/** Resolves at the next change, or when the watcher has left. */
function changed(health: Health, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      off();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const off = health.onChange(done);
    signal.addEventListener('abort', done, { once: true });
  });
}
