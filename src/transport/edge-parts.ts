import type { Exchange } from './exchange.ts';
import type { Spoken } from './protocols/choose-protocol.ts';
import type { EncodeRefusal } from './routing-faults.ts';
import type { Served } from './served-method.ts';

export type EdgeParts = {
  readonly served: ReadonlyMap<string, Served>;
  readonly protocolOf: (exchange: Exchange) => Spoken;
  readonly refusal: EncodeRefusal;
  readonly reportDefect: (error: unknown) => void;
  readonly nowMs: () => number;
  /** Watches a request of one message that is not complete at once. @returns removes it */
  readonly watch: (exchange: Exchange) => () => void;
};
