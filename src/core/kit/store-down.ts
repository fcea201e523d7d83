/** Why the shared store did not do it: no connection; no answer in time; known to be gone, so not asked; out of memory; it refuses us; its data is just moving. */
export type StoreDownWhy = 'connection' | 'timeout' | 'gone' | 'full' | 'refused' | 'moving';

/** The store that replicas share did not do what was asked; whether it did it nevertheless is not known, except for "gone", which was never asked. Whoever can do with less catches it. */
export class StoreDown extends Error {
  readonly why: StoreDownWhy;
  constructor(why: StoreDownWhy, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreDown';
    this.why = why;
  }
}
