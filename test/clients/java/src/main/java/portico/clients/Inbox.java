package portico.clients;

import io.grpc.stub.StreamObserver;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Messages of one stream, in turn. */
final class Inbox<T> implements StreamObserver<T> {
  private static final Object END = new Object();

  private final BlockingQueue<Object> queue = new LinkedBlockingQueue<>();
  private volatile Throwable error;

  @Override
  public void onNext(T message) {
    queue.add(message);
  }

  @Override
  public void onError(Throwable error) {
    this.error = error;
    queue.add(END);
  }

  @Override
  public void onCompleted() {
    queue.add(END);
  }

  /** The next message; null at the end, however it came. */
  @SuppressWarnings("unchecked")
  T next() throws Exception {
    Object next = queue.poll(Steps.LONGEST_SECONDS, TimeUnit.SECONDS);
    if (next == null) throw new TimeoutException("nothing came");
    return next == END ? null : (T) next;
  }

  /** How the stream ended, when it failed. */
  Throwable error() {
    return error;
  }

  void rethrow() throws Exception {
    if (error != null) throw new Exception(error);
  }
}
