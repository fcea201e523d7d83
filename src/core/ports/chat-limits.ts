/** Of a group. The rules of the .proto bound how many are added at once. */
export const membersMax = 10_000;
export const unreadMax = 1_000;
/** Hidden messages of one state. */
export const hiddenMax = 1_000;
/**
 * Of a user's conversations: so many positions fit into hello, and so many rows are read when a stream begins. Other
 * users fill no more than three quarters, so that the user can always begin some of one's own.
 */
export const membershipsMax = { ofUser: 4_000, byOthers: 3_000 } as const;
/** Whoever has left a group is not brought back by users before. Milliseconds. */
export const staysOutMs = 86_400_000;
/** In larger groups nobody is sent receipts, nor who is typing: each of them would be sent to all. */
export const smallMax = 100;
/** Of any content: portico/v1/chat.proto. Bytes. */
export const contentBytesMax = { text: 16_384, data: 8_192 } as const;
/** Of one page: conversations, events or members; messages that were found. */
export const pageMax = { list: 100, found: 50 } as const;
