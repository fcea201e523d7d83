export { seededRandom as seeded } from '../../../src/cli/capacity/random-numbers.ts';
