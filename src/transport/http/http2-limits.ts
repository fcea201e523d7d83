/** Limits of one HTTP/2 connection: Envoy's edge guide, and docs/reference/protocols.md. */
export const http2Options = {
  settings: { maxConcurrentStreams: 100, maxHeaderListSize: 16_384, enablePush: false, enableConnectProtocol: false },
  maxSessionMemory: 16, // MB
  maxHeaderListPairs: 64,
  streamResetBurst: 200,
  streamResetRate: 20, // a second
  maxSessionInvalidFrames: 100,
  maxSessionRejectedStreams: 100,
};

/** Concurrent calls of one connection, including those that the client has reset (Go's server counts them, too). */
export const runningMax = 100;

/** A connection that ends after this many recent resets ended because of them, whatever error nghttp2 gives. */
export const resetsMany = 40;

/**
 * PING and SETTINGS frames without an answer between them: nghttp2 answers any number. gRPC clients send a PING after
 * the data that they receive, to measure the connection, and one in ten seconds besides.
 */
export const controlFramesMax = 50;

/**
 * With more open streams on a connection, what is left of answered requests is refused sooner. Clients of Connect do
 * not end the requests of a call that has failed: a hundred such calls would leave their connection without a place.
 */
export const manyStreams = 20;
