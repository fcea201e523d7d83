import { spread } from './random-numbers.ts';

export type Storm = {
  /** Those whose zone is lost at second 0. */
  readonly clients: number;
  /** Handshakes that the remaining zones accept in a second; others are refused. */
  readonly handshakesPerSecond: number;
  /** Each client comes at a random time within so many seconds; 0: all at once. */
  readonly jitterSeconds: number;
};

/** Second by second. */
export type Returned = { readonly attempts: readonly number[]; readonly accepted: readonly number[] };

/** A storm that takes longer is an outage. Seconds. */
const longestSeconds = 86_400;
/** Of clients of Portico: after the n-th refusal a random part of 1, 2, 4, … 30 s (docs/mobile/connection.md). */
const [firstWaitSeconds, longestWaitSeconds] = [1, 30];
/** From here on the wait grows no more. */
const refusalsMost = Math.ceil(Math.log2(longestWaitSeconds / firstWaitSeconds)) + 1;

/**
 * How clients return. Time goes in seconds: what comes in one is accepted up to the limit, and what is refused comes
 * again in a later second, at random within its wait.
 * @throws RangeError if it takes longer than a day
 */
export function simulateStorm({ clients, handshakesPerSecond, jitterSeconds }: Storm, random: () => number): Returned {
  /** Clients that come in a second, by how often they were refused. */
  const coming: number[][] = [];
  const add = (second: number, refusals: number, count: number) => {
    if (count === 0) return;
    coming[second] ??= [];
    const at = coming[second] as number[];
    at[refusals] = (at[refusals] ?? 0) + count;
  };
  for (const [second, count] of spread(clients, Math.max(1, Math.ceil(jitterSeconds)), random).entries()) add(second, 0, count);
  const [attempts, accepted]: [number[], number[]] = [[], []];
  for (let second = 0; second < coming.length; second++) {
    if (second >= longestSeconds) throw new RangeError(tooLong(clients, handshakesPerSecond));
    const groups = coming[second] ?? [];
    const total = groups.reduce((sum, count) => sum + (count ?? 0), 0);
    attempts.push(total);
    let places = Math.min(total, handshakesPerSecond);
    accepted.push(places);
    let left = total;
    for (const [refusals, count = 0] of groups.entries()) {
      const here = left === count ? places : Math.min(count, Math.round((places * count) / left)); // all are as likely
      places -= here;
      left -= count;
      const wait = Math.min(longestWaitSeconds, firstWaitSeconds * 2 ** refusals);
      if (here < count)
        for (const [later, again] of spread(count - here, wait, random).entries())
          add(second + 1 + later, Math.min(refusals + 1, refusalsMost), again);
    }
    delete coming[second];
  }
  return { attempts, accepted };
}

/** With this probability or less a second has more clients than accepted. */
const missMost = 0.01;

/**
 * The least jitter by which clients stay below the rate in every second, with a probability of 99 % or more, in whole
 * seconds. In a second of J come L/J clients in the mean. By Bernstein's inequality more than λ + x come with a
 * probability of at most exp(−x² ÷ 2(λ + x/3)); for all J seconds together that is to be 1 %, so
 * x = a/3 + √(a²/9 + 2aλ) with a = ln(J ÷ 1 %).
 * @throws RangeError if it is longer than a day
 */
export function jitterSecondsFor(clients: number, handshakesPerSecond: number): number {
  const fits = (seconds: number) => {
    if (seconds <= 1) return clients <= handshakesPerSecond;
    const mean = clients / seconds;
    const a = Math.log(seconds / missMost);
    return mean + a / 3 + Math.sqrt((a * a) / 9 + 2 * a * mean) <= handshakesPerSecond;
  };
  let [low, high] = [0, longestSeconds];
  if (!fits(high)) throw new RangeError(tooLong(clients, handshakesPerSecond));
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (fits(middle)) high = middle;
    else low = middle;
  }
  return high;
}

function tooLong(clients: number, handshakesPerSecond: number): string {
  return `${clients} clients at ${handshakesPerSecond} handshakes per second would return for more than a day: allow more of them.`;
}
