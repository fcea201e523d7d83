import { create } from '@bufbuild/protobuf';
import type { Meter } from '@opentelemetry/api';
import { claimOf } from '../cache/key/visible-inputs.ts';
import { reasons as coreReasons, type StatusName } from '../kit/reasons.ts';
import { type Reasons, statusOf } from '../kit/status-error.ts';
import { renderTemplates } from '../policy/tag-template.ts';
import type { Answer, Authenticated, Decoded, Ending, Interceptor, Traced } from '../ports/call.ts';
import type { InvalidateWritten } from '../ports/invalidate.ts';
import { tapped } from './tap-messages.ts';

/** Ends of a write after which it may have been executed. */
const mayHaveHappened: ReadonlySet<StatusName> = new Set(['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'CANCELLED', 'UNKNOWN', 'INTERNAL']);

/** The dependencies of invalidation. */
export type InvalidateParts = {
  readonly invalidate: InvalidateWritten;
  readonly meter: Meter;
  /** Status by reason, including the company's: decides which failed writes may have been executed. */
  readonly reasons?: Reasons;
};

/**
 * Makes the answers with the tags of a write's policy unusable before the write is answered: after a success, and after
 * an end that leaves open whether the write was executed (RFC 9111, 4.4 does so after every answer that is not an
 * error). The client's cancellation ends the write, not the invalidation, which takes no signal and runs when the
 * handler has ended. Only for plans with `invalidates`.
 */
export function invalidate({ invalidate, meter, reasons = coreReasons }: InvalidateParts): Interceptor<Authenticated & Decoded & Traced, unknown> {
  const emptied = meter.createCounter('portico.invalidate.tag_empty', {
    description: 'Tags of writes without a value, which invalidated nothing.',
  });
  return async (call, next) => {
    const { soft, settleMs } = call.plan;
    const how = { soft, settleMs };
    const ended = async (error?: unknown) => {
      if (error !== undefined && !mayHaveHappened.has(statusOf(error, reasons))) return;
      const { plan, decoded, caller } = call;
      const desc = plan.descriptor.input;
      const message = decoded?.message ?? create(desc); // a stream of requests has none, and its templates name no fields
      const claim = (name: string) => (caller?.kind === 'user' ? claimOf(caller, name) : undefined);
      const { tags, empty } = renderTemplates(plan.invalidates, { desc, message }, claim);
      if (empty > 0) emptied.add(empty);
      if (tags.length > 0) await invalidate(tags, how);
    };
    let answer: Answer;
    try {
      answer = await next(call);
    } catch (error) {
      await ended(error);
      throw error;
    }
    if (!(answer.body instanceof Uint8Array)) {
      const before = async (ending: Ending) => {
        await ended(ending.how === 'threw' ? ending.error : undefined); // a closed stream leaves open whether the write was executed
        return ending;
      };
      return { ...answer, body: tapped(answer.body, { ended: before }) };
    }
    await ended();
    return answer;
  };
}
