/**
 * Bytes of a notice's texts as JSON, `data` as a text of JSON: an Apple device that is reached by FCM is sent title and
 * body twice, and the platforms take 4,096 bytes.
 */
export const noticeBytesMax = { title: 300, body: 1_000, data: 800 } as const;
/** A platform keeps no push for longer: four weeks. */
export const expireMsMax = 672 * 3_600_000;
/** As with Publish. */
export const repeatMsLeast = 300_000;
/** Pushes that wait for one device. */
export const waitingMax = 100;
/** Push tokens of one user: those that were registered first are dropped. */
export const tokensOfUserMax = 20;
/** Characters of a message that a push can have. */
export const textCharactersMax = 500;
/** Conversations whose unread messages are counted for the badge: those with the newest events. */
export const badgeConversationsMax = 100;
