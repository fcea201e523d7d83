/**
 * A request with its conversation in the one spelling that the server uses: the rule of a UUID takes capitals, too, and
 * what is compared as text would not find it.
 */
export function canonicalIds<Request>(request: Request): Request {
  const { conversationId } = request as { readonly conversationId?: string };
  return conversationId === undefined ? request : { ...request, conversationId: canonicalId(conversationId) };
}

export const canonicalId = (id: string): string => id.toLowerCase();
