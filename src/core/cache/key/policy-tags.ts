import { renderTemplates } from '../../policy/tag-template.ts';
import type { ReadyCall } from '../../ports/call.ts';
import type { CachedMethod } from '../cached-method.ts';
import { callerOf, decodedOf } from './visible-inputs.ts';

/**
 * The policy's tags of a call. Not complete when one of them has no value or is no tag: such an answer is not stored,
 * because nobody could invalidate it.
 */
export function tagsOf({ cache, plan }: CachedMethod, call: ReadyCall): { readonly tags: readonly string[]; readonly complete: boolean } {
  const { message } = decodedOf(call);
  const caller = callerOf(call.caller, cache);
  const { tags, empty } = renderTemplates(cache.tags, { desc: plan.descriptor.input, message }, (name) => caller?.claims.get(name));
  return { tags, complete: empty === 0 };
}
