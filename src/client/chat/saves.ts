import type { ChatDraft, ChatState, Saving } from './state.ts';
import type { Change } from './storage.ts';

/** Gives changes to the storage. What follows from them, such as an acknowledgement, waits until it has them. */
export function save(state: ChatState, changes: readonly Change[], follows: Partial<Omit<Saving, 'stream'>> = {}): ChatDraft {
  const id = state.saves + 1;
  const saving = new Map(state.saving).set(id, { stream: state.streams, count: 0, ...follows });
  return { state: { ...state, saves: id, saving }, actions: [{ do: 'save', id, changes }] };
}
