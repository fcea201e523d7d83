/** Of one message of the bus. */
export const messageBytesMax = 65_536;
export const topicsMax = 200_000;
export const topicLengthMax = 512;

/** @throws RangeError */
export function checkTopic(topic: string): void {
  if (topic.length < 1 || topic.length > topicLengthMax)
    throw new RangeError(`A topic has 1 to ${topicLengthMax} characters, this one ${topic.length}.`);
}

/** @throws RangeError */
export function checkMessage(bytes: Uint8Array): void {
  if (bytes.length > messageBytesMax) throw new RangeError(`A message has at most ${messageBytesMax} bytes, this one ${bytes.length}.`);
}

/** @throws RangeError */
export function checkTopics(count: number): void {
  if (count >= topicsMax) throw new RangeError(`A replica subscribes to at most ${topicsMax} topics.`);
}
