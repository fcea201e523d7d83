package portico.clients;

import app.v1.Tracking.Position;
import app.v1.Tracking.ReportPositionsRequest;
import app.v1.Tracking.ReportPositionsResponse;
import app.v1.Tracking.TalkRequest;
import app.v1.Tracking.TalkResponse;
import app.v1.Tracking.TrackRequest;
import app.v1.Tracking.TrackResponse;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.stub.StreamObserver;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

/** A forwarded stream of each kind, through the asynchronous stubs that Android apps use. */
final class Streams {
  /** Longer than the first position takes, shorter than an order's way. */
  private static final int DEADLINE_MILLIS = 2_500;

  /** Reads a server stream to its end. */
  static Map<String, Object> track(AppClient client, String token) throws Exception {
    String orderId = client.activeOrder(token);
    AtomicReference<Metadata> headers = new AtomicReference<>();
    Inbox<TrackResponse> inbox = new Inbox<>();
    client
        .tracking(token)
        .withInterceptors(AppClient.receiving(headers))
        .track(TrackRequest.newBuilder().setOrderId(orderId).setPositionsMax(2).build(), inbox);
    int positions = 0;
    boolean ours = true;
    for (TrackResponse at = inbox.next(); at != null; at = inbox.next()) {
      positions++;
      ours = ours && at.getOrderId().equals(orderId) && at.getPosition().getLatitude() > 51;
    }
    inbox.rethrow();
    return Map.of("positions", positions, "ours", ours, "trace_id", AppClient.said(headers, "portico-trace-id"));
  }

  /** Sends a client stream, as the courier. */
  static Map<String, Object> reportPositions(AppClient client) throws Exception {
    Inbox<ReportPositionsResponse> inbox = new Inbox<>();
    StreamObserver<ReportPositionsRequest> reports = client.tracking(client.signIn("carol").getAccessToken()).reportPositions(inbox);
    for (double longitude : new double[] {12.37, 12.38, 12.39}) {
      Position position = Position.newBuilder().setLatitude(51.34).setLongitude(longitude).build();
      reports.onNext(ReportPositionsRequest.newBuilder().setPosition(position).build());
    }
    reports.onCompleted();
    ReportPositionsResponse taken = inbox.next();
    inbox.rethrow();
    return Map.of("accepted", taken.getAccepted(), "distance_metres", taken.getDistanceMetres());
  }

  /** Has a conversation over a bidirectional stream: each answer is awaited before the next word. */
  static Map<String, Object> talk(AppClient client, String token) throws Exception {
    String orderId = client.activeOrder(token);
    Inbox<TalkResponse> inbox = new Inbox<>();
    StreamObserver<TalkRequest> words = client.tracking(token).talk(inbox);
    List<String> answers = new ArrayList<>();
    for (String text : List.of("Please mind the dog.", "Where are you?")) {
      words.onNext(TalkRequest.newBuilder().setOrderId(orderId).setText(text).build());
      TalkResponse answer = inbox.next();
      inbox.rethrow();
      answers.add(answer.getText());
    }
    words.onCompleted();
    boolean ended = inbox.next() == null;
    inbox.rethrow();
    return Map.of("answers", answers, "ended", ended);
  }

  /** Follows an order that takes longer than the client is willing to wait. */
  static Map<String, Object> deadline(AppClient client, String token) throws Exception {
    return follow(client, token, DEADLINE_MILLIS, false);
  }

  /** Leaves a stream after its first message. */
  static Map<String, Object> cancel(AppClient client, String token) throws Exception {
    return follow(client, token, TimeUnit.SECONDS.toMillis(Steps.LONGEST_SECONDS), true);
  }

  /** Tracks an order until the stream ends, and tells how. */
  private static Map<String, Object> follow(AppClient client, String token, long deadlineMillis, boolean leaves) throws Exception {
    String orderId = client.activeOrder(token);
    AtomicReference<Metadata> headers = new AtomicReference<>();
    Inbox<TrackResponse> inbox = new Inbox<>();
    Context.CancellableContext context = Context.current().withCancellation();
    context.run(
        () ->
            client
                .tracking(token)
                .withInterceptors(AppClient.receiving(headers))
                .withDeadlineAfter(deadlineMillis, TimeUnit.MILLISECONDS)
                .track(TrackRequest.newBuilder().setOrderId(orderId).build(), inbox));
    int positions = 0;
    for (TrackResponse at = inbox.next(); at != null; at = inbox.next()) {
      positions++;
      if (leaves) context.cancel(null);
    }
    context.cancel(null);
    Map<String, Object> line = new LinkedHashMap<>(inbox.error() == null ? Map.of("code", 0) : Refusal.of(inbox.error()));
    line.put("positions", positions);
    line.put("trace_id", AppClient.said(headers, "portico-trace-id"));
    return line;
  }
}
