import { PublisherServiceDefinition } from '../../../gen/portico/internal/v1/publisher.ts';
import { parseDurationMs } from '../../kit/duration.ts';
import { Fault } from '../../kit/fault.ts';
import { settleMaxMs } from '../../policy/compile-plans.ts';
import type { Handler } from '../../ports/call.ts';
import type { Invalidate } from '../../ports/invalidate.ts';
import { serviceHandlers } from '../service-handlers.ts';

/** The handlers of portico.internal.v1.PublisherService, by method. Who may call and what a tag may be is said in its .proto and checked before. */
export function publisherHandlers({ invalidate }: { readonly invalidate: Invalidate }): Readonly<Record<string, Handler>> {
  return serviceHandlers(PublisherServiceDefinition, {
    invalidate: async ({ tags, soft, settle }) => {
      await invalidate(tags, { soft, settleMs: settle === '' ? 0 : settleMsOf(settle) });
      return {};
    },
  });
}

/** Its form is said in the .proto and checked before; how long it may be is not. */
function settleMsOf(settle: string): number {
  const ms = parseDurationMs(settle);
  if (ms !== undefined && ms >= 1 && ms <= settleMaxMs) return ms;
  const description = 'must be from 1ms to 10m';
  throw new Fault('REQUEST_INVALID', `The request breaks a rule: settle ${description}.`, {
    violations: [{ field: 'settle', rule: 'settle', description }],
  });
}
