// Tells Node's test runner by an AsyncLocalStorage in which test it is. By itself it asks a hook that is called for every
// promise and keeps a record of each: a tenth of the CPU of a test of calls, most of that of a test of promises, and
// something that no server pays for in production.
// Loaded by --import, before anything loads node:test: that takes its functions of node:async_hooks once.
import asyncHooks from 'node:async_hooks';
import { createRequire } from 'node:module';

const { AsyncLocalStorage, AsyncResource, createHook, executionAsyncId } = asyncHooks;
/** The id of the test or suite that is running. */
const scope = new AsyncLocalStorage<number>();
let register: NonNullable<asyncHooks.HookCallbacks['init']> = () => {};
/** The one that was entered last: where an error came from that has left all scopes on its way. */
let entered = 0;
let isUncaught = false;
/** The suite whose file is evaluated, which happens outside of all scopes. */
let evaluated = 0;

class Scope extends AsyncResource {
  constructor(type: string) {
    super(type);
    register(this.asyncId(), type, 0, this);
  }

  override runInAsyncScope<This, Result>(fn: (this: This, ...args: never[]) => Result, thisArg?: This, ...args: never[]): Result {
    const id = this.asyncId();
    entered = id;
    return super.runInAsyncScope(() => scope.run(id, () => fn.apply(thisArg as This, args)));
  }
}

Object.assign(asyncHooks, {
  AsyncResource: Scope,
  executionAsyncId: () => {
    const id = scope.getStore() ?? (isUncaught ? entered : evaluated);
    isUncaught = false;
    return id;
  },
  createHook: ({ init = register }: asyncHooks.HookCallbacks) => {
    register = init;
    return { enable: () => {}, disable: () => {} };
  },
});
createRequire(import.meta.url)('node:test');
Object.assign(asyncHooks, { AsyncResource, createHook, executionAsyncId });

process.on('uncaughtExceptionMonitor', () => {
  isUncaught = true;
});
process.on('unhandledRejection', (error) => {
  if (process.listenerCount('unhandledRejection') === 1) throw error; // the runner does not listen yet, or no more
  isUncaught = true;
});

let evaluating: Promise<unknown> = Promise.resolve();
/** Imports a file of tests, one file after the other: what it declares belongs to the suite that calls this. */
export function declaredBy(file: string): Promise<unknown> {
  const suite = scope.getStore() ?? 0;
  evaluating = evaluating.then(async () => {
    evaluated = suite;
    await import(file).finally(() => {
      evaluated = 0;
    });
  });
  return evaluating;
}
