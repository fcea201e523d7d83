/** Work that is done for many clients, a few of them in each turn of the event loop. */
export type Turns = {
  /**
   * Begins it in the next turn, or does nothing if it is under way.
   * @param step does it for one client. @returns whether there are more; called again after that, it returns false
   */
  begin(step: () => boolean): void;
};

/**
 * How many clients a turn serves. A message to one of them passes through JavaScript, HTTP/2, TLS and the socket one
 * after the other, each for all clients of the turn: with few, what they touch is still in the processor's caches.
 * Measured with 1,000 clients, at 4, 8, 16, 32, 64 and all of them: 0.86, 1.04, 1.06, 0.94, 0.93 and 0.81 of the speed
 * of node:http2 alone.
 */
export const perTurn = 16;

/** All work shares the turns, one piece after the other, so that a large one keeps no small one waiting. */
export function openTurns(): Turns {
  const steps = new Set<() => boolean>();
  let isPlanned = false;
  const plan = () => {
    if (isPlanned || steps.size === 0) return;
    isPlanned = true;
    setImmediate(turn);
  };
  const turn = () => {
    isPlanned = false;
    serve();
    plan();
  };
  const serve = () => {
    let left = perTurn;
    for (const step of steps) {
      steps.delete(step);
      let more = true;
      while (more && left-- > 0) more = step();
      if (more) steps.add(step); // at the end of the line
      if (left <= 0) return;
    }
  };
  return {
    begin: (step) => {
      steps.add(step);
      plan();
    },
  };
}

/** Does something for each of a list, a few in each turn. What has changed meanwhile is for `work` to look at. */
export function eachInTurns<T>(turns: Turns, list: Iterable<T>, work: (one: T) => void): void {
  const all = [...list];
  let done = 0;
  turns.begin(() => {
    if (done < all.length) work(all[done++] as T);
    return done < all.length;
  });
}
