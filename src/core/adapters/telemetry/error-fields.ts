/** The fields of an error in a log line. */
type Known = { readonly type: string; readonly message: string; readonly code?: string; readonly stack?: string };
export type ErrorFields = Known & { readonly cause?: ErrorFields };

/** The longest chain of causes. */
const causesMax = 5;

/**
 * An error for the log. Only a defect of the server has a stack: for an error of the network, the disk or the database
 * it adds nothing to the message.
 * @param whole log every stack: at log level debug
 */
export function errorFields(error: unknown, whole: boolean, depth = 0): ErrorFields {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) };
  const { code } = error as { readonly code?: unknown };
  return {
    type: error.name,
    message: messageOf(error),
    ...(typeof code === 'string' && { code }),
    ...((whole || !isFromOutside(error)) && error.stack !== undefined && { stack: error.stack }),
    ...(error.cause !== undefined && depth < causesMax && { cause: errorFields(error.cause, whole, depth + 1) }),
  };
}

/** One of several addresses that all failed has no message of its own. */
export function messageOf(error: Error): string {
  if (error.message !== '' || !(error instanceof AggregateError)) return error.message;
  return [...new Set(error.errors.map((one) => (one instanceof Error ? one.message : String(one))))].join('; ');
}

/** libuv's codes, OpenSSL's for certificates, and SQLSTATE classes 08 (connection), 53 (resources), 57 (operator). */
const outside = /^(E[A-Z0-9]+|CERT_\w+|UNABLE_TO_\w+|SELF_SIGNED_\w+|DEPTH_ZERO_\w+|ERR_TLS_\w+|(08|53|57)[0-9A-Z]{3})$/;

function isFromOutside(error: Error, depth = 0): boolean {
  const { code, cause } = error as { readonly code?: unknown; readonly cause?: unknown };
  if (typeof code === 'string' && outside.test(code)) return true;
  return cause instanceof Error && depth < causesMax && isFromOutside(cause, depth + 1);
}
