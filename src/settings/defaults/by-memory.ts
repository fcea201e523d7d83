import { totalmem } from 'node:os';

/** The memory that this process may fill: that of its container, or of the machine. Bytes. */
export function processMemoryBytes(): number {
  return Math.min(process.constrainedMemory() || Number.POSITIVE_INFINITY, totalmem()); // 0: not known
}

/** `live.queuedBytes` where it is not set. */
export function queuedBytesOf(memoryBytes: number): number {
  return Math.min(1_073_741_824, Math.max(33_554_432, Math.floor(memoryBytes / 16)));
}
