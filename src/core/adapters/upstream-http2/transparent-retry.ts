/** The largest number of attempts of a call that no application has seen, in case a server refuses all streams. */
const attemptsMax = 4;
/**
 * The delay before the second attempt, added once more before each further one: the server that refused the stream may
 * be about to send GOAWAY. Milliseconds.
 */
const againMs = 20;

/**
 * How long a call waits for its next attempt after a connection refused its stream unprocessed (gRFC A6, "Transparent
 * Retries"). Retries of calls that a service may have seen are a decision of `core/upstreams/send-with-retries.ts`.
 * @param attempts so far, from 1
 * @returns undefined: there is no further attempt
 */
export function transparentRetryMs(attempts: number): number | undefined {
  return attempts >= attemptsMax ? undefined : againMs * (attempts - 1);
}
