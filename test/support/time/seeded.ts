export { seededRandom as seeded } from '../../../src/cli/capacity/seeded-random.ts';
