import { textBytesMax } from '../kit/maintenance-rules.ts';

/**
 * The message for developers. Headers carry it with the details, and many clients accept 8 KiB of headers in total, so
 * each part of an error is bounded in bytes of UTF-8, and cut by code point. The status as a whole has its own budget.
 */
export const messageBytesMax = 1_024;
/** ErrorInfo.metadata: entries, and the bytes of one value. */
export const metadataEntriesMax = 8;
export const metadataValueBytesMax = 256;
/**
 * BadRequest: violations, and the bytes of all of them. Those beyond are omitted, and the message states their number.
 */
export const violationsMax = 20;
export const violationBytesMax = 2_000;
/**
 * The path of one violation, and its description. A path contains map keys, and a rule may quote values: the client
 * chooses both.
 */
export const violationTextBytesMax = 200;
/** LocalizedMessage: the text for users. */
export const localizedBytesMax = textBytesMax;
