import { Metadata } from 'nice-grpc-common';
import { InvalidateRequest, InvalidateResponse } from '../../../gen/portico/internal/v1/publisher.ts';
import type { Handler } from '../../ports/call.ts';
import type { Invalidate } from '../../ports/invalidate.ts';

/** The handlers of portico.internal.v1.PublisherService, by method. Who may call and what a tag may be is said in its .proto and checked before. */
export function publisherHandlers({
  invalidate,
}: {
  readonly invalidate: Invalidate;
}): Record<'portico.internal.v1.PublisherService/Invalidate', Handler> {
  return {
    'portico.internal.v1.PublisherService/Invalidate': async ({ request }) => {
      if (!(request instanceof Uint8Array)) throw new Error('Invalidate takes one request.');
      const { tags } = InvalidateRequest.decode(request);
      await invalidate(tags);
      return { metadata: Metadata(), body: InvalidateResponse.encode({}).finish(), trailers: Metadata() };
    },
  };
}
