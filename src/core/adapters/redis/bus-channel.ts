import { partitionOf, partitionTags } from '../../kit/partitions.ts';

/** The beginning of every key and channel of a topic of the bus: all of them lie in one slot. */
export const placeOf = (prefix: string, busTopic: string) => `${prefix}{${partitionTags[partitionOf(busTopic)]}}`;

/** The channel of a topic of the bus. */
export const busChannel = (prefix: string, busTopic: string) => `${placeOf(prefix, busTopic)}.${busTopic}`;
