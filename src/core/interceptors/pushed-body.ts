import type { PushedBody, StreamBody } from '../ports/call.ts';

/** A stream that writes itself to a sink: it pulls the next message as soon as there is room. */
export function pushed(body: StreamBody): PushedBody {
  if (typeof body === 'function')
    return (sink) => {
      try {
        body(sink);
      } catch (error) {
        sink.fail(error);
      }
    };
  return (sink) => {
    const messages = body[Symbol.asyncIterator]();
    let over = false;
    const finish = (last: () => void) => {
      if (over) return;
      over = true;
      sink.signal.removeEventListener('abort', leave);
      last();
    };
    const leave = () =>
      finish(() => {
        const stopped = messages.return?.() ?? Promise.resolve();
        stopped.then(
          () => sink.end(),
          (error: unknown) => sink.fail(error),
        );
      });
    const take = ({ done, value }: IteratorResult<Uint8Array>) => {
      if (over) return;
      if (done) return finish(() => sink.end());
      try {
        if (sink.write(value)) ask();
        else sink.onRoom(ask);
      } catch (error) {
        finish(() => sink.fail(error)); // a message that its edge cannot write ends only this stream
        messages.return?.().catch(() => {});
      }
    };
    const ask = (): void => void messages.next().then(take, (error: unknown) => finish(() => sink.fail(error)));
    if (sink.signal.aborted) return leave();
    sink.signal.addEventListener('abort', leave, { once: true });
    ask();
  };
}
