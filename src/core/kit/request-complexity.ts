import { Fault } from './fault.ts';

/**
 * The bounds of a request message besides its bytes, because each field and each level costs a decoder as much as many
 * bytes.
 */
export type ComplexityBounds = {
  /** Of the message and of those within, in all. A packed list of numbers, as in proto3, counts as one. */
  readonly fields: number;
  /** Of them, those that the proto does not have: a newer client sends a few. */
  readonly unknownFields: number;
  /** protobuf-es has the same bound. */
  readonly depth: number;
};
export const requestBounds: ComplexityBounds = { fields: 16_384, unknownFields: 256, depth: 100 };

export function tooComplex(what: keyof ComplexityBounds): Fault {
  const most = requestBounds[what];
  const text = {
    fields: `more than ${most} fields`,
    unknownFields: `more than ${most} fields that its proto does not have`,
    depth: `messages within messages, more than ${most} levels deep`,
  };
  return new Fault('REQUEST_TOO_COMPLEX', `The request has ${text[what]}.`, { metadata: { bound: what, most: String(most) } });
}
