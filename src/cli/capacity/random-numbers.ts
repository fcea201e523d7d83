/** Below this many, each is drawn; above, the normal distribution differs by less than its rounding. */
const drawnMost = 64;

/** How many of n fall where each falls with the probability p. @param random from 0 up to 1 */
export function binomial(n: number, p: number, random: () => number): number {
  if (p >= 1) return n;
  if (p <= 0 || n <= 0) return 0;
  const [mean, variance] = [n * p, n * p * (1 - p)];
  if (n <= drawnMost) {
    let count = 0;
    for (let i = 0; i < n; i++) if (random() < p) count++;
    return count;
  }
  if (variance >= 100) return clamp(Math.round(mean + Math.sqrt(variance) * normal(random)), n);
  return p > 0.5 ? n - inverted(n, 1 - p, random) : inverted(n, p, random);
}

/** Spreads n over so many places, each place as likely as another: one number for each. */
export function spread(n: number, places: number, random: () => number): number[] {
  let left = n;
  return Array.from({ length: places }, (_, i) => {
    const here = binomial(left, 1 / (places - i), random);
    left -= here;
    return here;
  });
}

/** By adding probabilities up from zero on: few steps where the mean is small. */
function inverted(n: number, p: number, random: () => number): number {
  let left = random();
  let probability = (1 - p) ** n;
  for (let k = 0; k < n; k++) {
    if (left < probability) return k;
    left -= probability;
    probability *= ((n - k) / (k + 1)) * (p / (1 - p));
  }
  return n;
}

/** Box and Muller. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

function clamp(value: number, most: number): number {
  return Math.min(most, Math.max(0, value));
}

/** Chance that repeats: the same seed gives the same numbers, from 0 up to 1 (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
