import type { DescMethod } from '@bufbuild/protobuf';
import type { CallKind } from '../kit/method-plan.ts';

const kinds: Readonly<Record<DescMethod['methodKind'], CallKind>> = {
  unary: 'unary',
  server_streaming: 'server_stream',
  client_streaming: 'client_stream',
  bidi_streaming: 'bidi_stream',
};

/** The kind of a method's calls. */
export function callKindOf({ methodKind }: DescMethod): CallKind {
  return kinds[methodKind];
}
