import type { MethodPlan } from '../kit/method-plan.ts';
import { RequestMessage } from '../kit/request-message.ts';
import type { CallRequest } from '../ports/call.ts';

/** The request of a call that the server makes itself: one message, encoded. */
export function oneMessageRequest({ descriptor }: MethodPlan, bytes: Uint8Array): CallRequest {
  return { one: () => new RequestMessage(descriptor.input, bytes), each: noRequests, bytesRead: bytes.byteLength };
}

async function* noRequests(): AsyncGenerator<Uint8Array> {}
