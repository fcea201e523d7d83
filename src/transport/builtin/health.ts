import type { FileRegistry } from '@bufbuild/protobuf';
import { Metadata } from 'nice-grpc-common';
import { steps } from '../../core/interceptors/chain.ts';
import { deadline } from '../../core/interceptors/deadline.ts';
import { clip } from '../../core/kit/clip-text.ts';
import type { Clock } from '../../core/kit/clock.ts';
import { type Soon, soonThen } from '../../core/kit/soon.ts';
import { StatusError } from '../../core/kit/status-error.ts';
import type { Answer, Call } from '../../core/ports/call.ts';
import { HealthCheckRequest, HealthCheckResponse, HealthCheckResponse_ServingStatus } from '../../gen/grpc/health/v1/health.ts';
import type { Served } from '../running-call.ts';
import { builtinPlan } from './builtin-plan.ts';

/** The state of the whole server (""), or of one service by its full name. */
export type Health = {
  /** Undefined: unknown service. */
  serving(service: string): boolean | undefined;
  /** Whether the server drains: it will not serve again. */
  leaving(): boolean;
  /** @returns removes the callback */
  onChange(callback: () => void): () => void;
};

const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = HealthCheckResponse_ServingStatus;
/** grpc.status.NOT_FOUND, as the protocol requires for unknown services (grpc/grpc, doc/health-checking.md). */
const notFound = 5;

const encoded = (status: HealthCheckResponse['status']) => HealthCheckResponse.encode({ status }).finish();

/**
 * grpc.health.v1.Health: for balancers and `grpc_health_probe`. Its chain is the deadline alone, because it must answer
 * when other calls fail.
 */
export function healthMethods(health: Health, registry: FileRegistry, clock: Clock): readonly Served[] {
  const within = (handler: (call: Call) => Soon<Answer>) => steps().through(deadline(clock)).to(handler);
  const [check, watch] = ['Check', 'Watch'].map((name) => builtinPlan(registry, 'grpc.health.v1.Health', name));
  if (check === undefined || watch === undefined) throw new Error('grpc.health.v1.Health is not among the protos.');
  return [
    {
      plan: check,
      answer: within(({ request }) =>
        soonThen(request.one(), ({ bytes }) => {
          const { service } = HealthCheckRequest.decode(bytes);
          const serving = health.serving(service);
          if (serving === undefined) throw new StatusError(notFound, `There is no service "${clip(service, 200)}" here.`);
          return { metadata: Metadata(), body: encoded(serving ? SERVING : NOT_SERVING), trailers: Metadata() };
        }),
      ),
    },
    {
      plan: watch,
      answer: within((call) =>
        soonThen(call.request.one(), ({ bytes }) => ({
          metadata: Metadata(),
          body: statuses(health, HealthCheckRequest.decode(bytes).service, call),
          trailers: Metadata(),
        })),
      ),
    },
  ];
}

async function* statuses(health: Health, service: string, { signal }: Call): AsyncGenerator<Uint8Array> {
  let last: number | undefined;
  while (!signal.aborted) {
    const serving = health.serving(service);
    const status = serving === undefined ? SERVICE_UNKNOWN : serving ? SERVING : NOT_SERVING;
    if (status !== last) yield encoded(status);
    last = status;
    if (health.leaving()) return; // an open stream would delay the drain until the end of its grace time
    await changed(health, signal);
  }
}

/** Resolves at the next change, or when the watcher has disconnected. */
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
