import { type ClientHttp2Stream, constants } from 'node:http2';
import { gunzip } from 'node:zlib';
import type { TransportEnd, UpstreamCall, UpstreamReceiver, UpstreamSender, UpstreamStatus } from '../../ports/upstream-transport.ts';
import type { Session } from './http2-session.ts';
import { answerBytesMax, framed, Malformed, MessageReader } from './read-messages.ts';
import { isGrpc, ReceivedHeaders, type ResponseHeaders, receivedStatus } from './response-headers.ts';
import { endOfClosed, madeHere, notGrpc } from './why-stream-ended.ts';

/**
 * The bound of sent messages that are kept to repeat a call that no application has seen. A call that has sent more
 * cannot be repeated.
 */
const keptBytesMax = 262_144;
const endStream = constants.NGHTTP2_FLAG_END_STREAM;

/** How a call reaches a connection, and whether it is repeated. */
export type CallParts = {
  /** Opens its stream. */
  open(session: Session, call: UpstreamCall): ClientHttp2Stream;
  /** No application has seen the call, and all its messages are kept. @returns whether it is repeated */
  again(call: Http2Call): boolean;
  /** The call has ended. */
  over(call: Http2Call): void;
};

/** One call over one stream, or over a second one if no application has seen the first. */
export class Http2Call implements UpstreamSender {
  // States: waiting (no stream), open (a stream), over.
  private readonly call: UpstreamCall;
  private readonly receiver: UpstreamReceiver;
  private readonly only: Uint8Array | undefined;
  private readonly parts: CallParts;
  private stream: ClientHttp2Stream | undefined;
  private over = false;
  private peer: string | undefined;
  private reader: MessageReader;
  /** Sent messages for a repeat; undefined: too many, or an application has seen them. */
  private kept: Buffer[] | undefined = [];
  private keptBytes = 0;
  private halfClosed = false;
  private answered = false;
  /** Chunks received before the headers were processed. */
  private early: Buffer[] | undefined;
  private gzip = false;
  private paused = false;
  /** Messages from a compressed one on, which are delivered in order; undefined: none. */
  private waiting: { readonly body: Buffer; readonly compressed: boolean }[] | undefined;
  private inflating = false;
  private ending: UpstreamStatus | TransportEnd | undefined;
  attempts = 0;

  constructor(call: UpstreamCall, receiver: UpstreamReceiver, only: Uint8Array | undefined, parts: CallParts) {
    this.call = call;
    this.receiver = receiver;
    this.only = only;
    this.parts = parts;
    this.reader = new MessageReader(answerBytesMax, this.onMessage);
  }

  /** Uses this connection. */
  attach(session: Session): void {
    if (this.over) return;
    this.attempts += 1;
    this.peer = session.peer;
    let stream: ClientHttp2Stream;
    try {
      stream = this.parts.open(session, this.call);
    } catch (error) {
      const end = madeHere('protocol', `It cannot be sent: ${error instanceof Error ? error.message : error}`, 'no');
      queueMicrotask(() => this.finish(end)); // the caller does not have the sender yet
      return;
    }
    session.streams += 1;
    this.stream = stream;
    stream.on('response', this.onResponse);
    stream.on('data', this.onData);
    stream.on('trailers', this.onTrailers);
    stream.once('end', () => this.onEnd(stream, session));
    stream.on('error', noop); // "close" reports the result
    stream.once('close', () => this.onClose(stream, session));
    if (this.only !== undefined) return void stream.end(framed(this.only));
    stream.on('drain', () => this.receiver.drained());
    let room = true;
    for (const frame of this.kept ?? []) room = stream.write(frame);
    if (this.halfClosed) stream.end();
    else if (room && this.keptBytes > 0) this.receiver.drained();
  }

  send(message: Uint8Array): boolean {
    if (this.over || this.halfClosed) return true;
    const frame = framed(message);
    if (this.kept !== undefined) {
      this.kept.push(frame);
      this.keptBytes += frame.length;
      // without a stream messages wait here, and the sender must wait as well
      if (this.keptBytes > keptBytesMax && this.stream !== undefined) this.kept = undefined;
    }
    return this.stream === undefined ? this.keptBytes < keptBytesMax : this.stream.write(frame);
  }

  halfClose(): void {
    if (this.over || this.halfClosed) return;
    this.halfClosed = true;
    this.stream?.end();
  }

  resume(): void {
    this.paused = false;
    if (this.waiting === undefined) this.stream?.resume();
    else if (!this.inflating) this.deliverWaiting();
  }

  cancel(): void {
    this.finish(madeHere('cancelled', 'We cancelled it.', this.stream === undefined ? 'no' : 'maybe'));
  }

  /** Its deadline has passed. */
  late(): void {
    this.finish(madeHere('timeout', 'The deadline passed.', this.stream === undefined ? 'no' : 'maybe'));
  }

  /** Ends the call if it has not ended. Messages that wait are dropped. */
  finish(end: UpstreamStatus | TransportEnd): void {
    if (this.over) return;
    this.over = true;
    const { stream } = this;
    if (stream !== undefined && !stream.closed && !(end.by === 'upstream' && stream.writableEnded)) stream.close(constants.NGHTTP2_CANCEL);
    stream?.resume(); // the rest is ignored, but must be read for the stream to close
    this.parts.over(this);
    this.receiver.ended({ ...end, peer: this.peer });
  }

  /** Ends the call after the earlier messages. */
  private endWith(end: UpstreamStatus | TransportEnd): void {
    this.ending ??= end;
    if (this.waiting === undefined) this.finish(this.ending);
  }

  private readonly onResponse = (headers: ResponseHeaders, flags: number) => {
    if (this.over || this.ending !== undefined) return;
    const status = receivedStatus(headers);
    if (!isGrpc(headers['content-type'])) return this.endWith(notGrpc(headers));
    const ended = (flags & endStream) !== 0;
    if (ended && status !== undefined) return this.endWith(status);
    if (headers[':status'] !== 200) return this.endWith(notGrpc(headers)); // a proxy's, whatever its content type
    if (ended) return this.endWith(madeHere('protocol', 'The stream ended without a status.'));
    this.answered = true;
    this.kept = undefined;
    this.gzip = headers['grpc-encoding'] === 'gzip';
    this.receiver.headers(new ReceivedHeaders(headers));
    const { early } = this;
    this.early = undefined;
    for (const chunk of early ?? []) this.onData(chunk);
  };

  private readonly onData = (chunk: Buffer) => {
    if (this.over || this.ending !== undefined) return;
    if (!this.answered) {
      this.early ??= [];
      this.early.push(chunk);
      return;
    }
    try {
      this.reader.read(chunk);
    } catch (error) {
      this.endWith(error instanceof Malformed ? madeHere(error.transportCause, error.message) : madeHere('protocol', String(error)));
    }
  };

  private readonly onMessage = (body: Buffer, compressed: boolean) => {
    if (this.over) return;
    if (compressed && !this.gzip) throw new Malformed('protocol', 'A message is compressed in a way that we did not offer.');
    if (this.waiting === undefined && !compressed) return this.deliver(body);
    this.waiting ??= [];
    this.waiting.push({ body, compressed });
    if (!this.inflating) this.deliverWaiting();
  };

  private deliver(body: Buffer): void {
    if (this.receiver.message(body) || this.over) return;
    this.paused = true;
    this.stream?.pause();
  }

  /** Delivers as much as the reader takes: what is read already may be a thousand times as large, decompressed. */
  private deliverWaiting(): void {
    while (!this.over && this.waiting?.length) {
      if (this.paused) return;
      const { body, compressed } = this.waiting.shift() as NonNullable<typeof this.waiting>[number];
      if (compressed) return void this.inflate(body);
      this.deliver(body);
    }
    this.waiting = undefined;
    if (this.ending !== undefined) this.finish(this.ending);
    else if (!this.paused) this.stream?.resume();
  }

  private inflate(body: Buffer): void {
    this.inflating = true;
    this.stream?.pause();
    gunzip(body, { maxOutputLength: answerBytesMax }, (error, whole) => {
      this.inflating = false;
      if (this.over) return;
      if (error !== null) {
        const large = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
        return this.finish(madeHere(large ? 'too_large' : 'protocol', `A message cannot be decompressed: ${error.message}`));
      }
      this.deliver(whole);
      this.deliverWaiting();
    });
  }

  private readonly onTrailers = (headers: ResponseHeaders) => {
    this.readRest();
    const status = receivedStatus(headers) ?? madeHere('protocol', 'The trailers have no status.');
    const cut = status.by === 'upstream' && status.code === 0 && this.reader.within;
    this.endWith(cut ? madeHere('protocol', 'The last message was cut.') : status);
  };

  /**
   * Trailers arrive before this event or with it. Without them the stream may stay open for ever while this half is
   * open.
   */
  private onEnd(stream: ClientHttp2Stream, session: Session): void {
    if (this.over || this.ending !== undefined) return;
    setImmediate(() => {
      if (stream === this.stream) this.endWith(endOfClosed(session, stream.rstCode, stream.id));
    });
  }

  /** Reads the data that Node has buffered for a paused reader, which would be lost with the stream. */
  private readRest(): void {
    const { stream } = this;
    if (stream === undefined || stream.readableLength === 0) return;
    stream.off('data', this.onData);
    for (let chunk = stream.read() as Buffer | null; chunk !== null; chunk = stream.read() as Buffer | null) this.onData(chunk);
  }

  private onClose(stream: ClientHttp2Stream, session: Session): void {
    session.streams -= 1;
    if (this.over || stream !== this.stream) return;
    this.readRest();
    if (this.ending !== undefined) return; // the status has arrived, and earlier messages wait
    const end = endOfClosed(session, stream.rstCode, stream.id);
    if (end.processed === 'no' && this.kept !== undefined) {
      this.stream = undefined;
      this.early = undefined;
      if (this.parts.again(this)) return;
    }
    this.endWith(end);
  }
}

function noop(): void {}
