/**
 * Why the shared store failed: no connection; no answer in time; unavailable, so the command was not sent; out of
 * memory; refused; its data is being moved.
 */
export type StoreDownWhy = 'connection' | 'timeout' | 'gone' | 'full' | 'refused' | 'moving';

/**
 * The shared store did not confirm a command. The command may have been executed, except for "gone", which was never
 * sent. A caller that can do without the store catches it.
 */
export class StoreDown extends Error {
  readonly why: StoreDownWhy;
  constructor(why: StoreDownWhy, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreDown';
    this.why = why;
  }
}
