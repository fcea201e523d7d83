import type { MethodPlan } from '../core/kit/method-plan.ts';
import type { AnswerCall } from '../core/ports/call.ts';
import type { Exchange } from './exchange.ts';
import type { Spoken } from './protocols/protocol.ts';
import type { EncodeRefusal } from './routing-faults.ts';

/** A method that a listener serves, with its handler. */
export type Served = { readonly plan: MethodPlan; readonly answer: AnswerCall };

export type EdgeParts = {
  readonly served: ReadonlyMap<string, Served>;
  readonly protocolOf: (exchange: Exchange) => Spoken;
  readonly refusal: EncodeRefusal;
  readonly reportDefect: (error: unknown) => void;
  readonly nowMs: () => number;
  /** Watches a request of one message that is not complete at once. @returns removes it */
  readonly watch: (exchange: Exchange) => () => void;
};
