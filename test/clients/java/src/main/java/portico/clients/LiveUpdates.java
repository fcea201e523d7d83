package portico.clients;

import static portico.clients.Steps.say;

import app.v1.OrderOuterClass.ListOrdersRequest;
import app.v1.OrderOuterClass.ListOrdersResponse;
import com.google.protobuf.Timestamp;
import io.grpc.stub.StreamObserver;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import portico.v1.Live.Event;
import portico.v1.Live.LiveHello;
import portico.v1.Live.LiveRequest;
import portico.v1.Live.LiveResponse;
import portico.v1.Live.Position;
import portico.v1.Live.Subscribe;
import portico.v1.Live.Watch;
import portico.v1.Session.Device;
import portico.v1.Session.IdTokenIdentity;
import portico.v1.Session.RefreshRequest;
import portico.v1.Session.SignInRequest;
import portico.v1.Stream.Acknowledge;
import portico.v1.Stream.Goodbye;
import portico.v1.Stream.Heartbeat;
import portico.v1.Stream.Renew;

/**
 * Holds the stream of live updates as an app does. What it keeps is what the next stream says hello with: a position and an etag. Whatever happens, such
 * as a message, a command of the test or a time that is over, is one entry of a queue, which one thread takes.
 */
final class LiveUpdates {
  private final AppClient client;
  private final String topic;
  private final BlockingQueue<Object> happens = new LinkedBlockingQueue<>();
  private final ScheduledExecutorService timers = Executors.newSingleThreadScheduledExecutor();
  private String token;
  private String refreshToken;
  private Position position;
  private String etag = "";
  private int generation;
  // of the present stream
  private StreamObserver<LiveRequest> requests;
  private long handled;

  /** What a stream brings, with the number of that stream: what an older one brings counts no more. */
  private record Received(int stream, LiveResponse message) {}

  private record Ended(int stream, String error) {}

  private record Timer(int stream, String name) {}

  LiveUpdates(AppClient client, String topic) {
    this.client = client;
    this.topic = topic;
  }

  /** Follows one stream after another until it reads "leave"; at "renew" it renews its token. */
  void run(String idToken) throws Exception {
    var identity = IdTokenIdentity.newBuilder().setToken(idToken);
    var device = Device.newBuilder().setPlatform("android").setName("grpc-java");
    var session = client.sessions("").signIn(SignInRequest.newBuilder().setIdToken(identity).setDevice(device).build());
    token = session.getAccessToken();
    refreshToken = session.getRefreshToken();
    Thread commands = new Thread(this::readCommands);
    commands.setDaemon(true);
    commands.start();
    open();
    while (true) {
      Object next = happens.take();
      if (next.equals("leave")) break;
      if (next.equals("renew")) renew();
      else if (next instanceof Received received && received.stream() == generation) take(received.message());
      else if (next instanceof Ended ended && ended.stream() == generation) {
        say("cut", Map.of("error", ended.error()));
        timers.schedule(() -> happens.add(new Timer(ended.stream(), "retry")), 500, TimeUnit.MILLISECONDS);
      } else if (next instanceof Timer timer && timer.stream() == generation) {
        switch (timer.name()) {
          case "retry" -> open();
          case "move" -> {
            goodbye();
            open();
          }
          default -> {
            send(LiveRequest.newBuilder().setHeartbeat(Heartbeat.getDefaultInstance()));
            beat();
          }
        }
      }
    }
    goodbye();
    timers.shutdownNow();
  }

  private void readCommands() {
    try (var lines = new BufferedReader(new InputStreamReader(System.in))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) happens.add(line);
    } catch (java.io.IOException error) {
      happens.add("leave");
    }
  }

  /** Opens a stream: hello names everything that the client wants, with what it has. */
  private void open() {
    int mine = ++generation;
    handled = 0;
    requests =
        client
            .live(token)
            .connect(
                new StreamObserver<>() {
                  @Override
                  public void onNext(LiveResponse message) {
                    happens.add(new Received(mine, message));
                  }

                  @Override
                  public void onError(Throwable error) {
                    happens.add(new Ended(mine, String.valueOf(error)));
                  }

                  @Override
                  public void onCompleted() {
                    happens.add(new Ended(mine, ""));
                  }
                });
    Subscribe.Builder subscribe = Subscribe.newBuilder().setTopic(topic).setGeneration(mine);
    if (position != null) subscribe.setPosition(position);
    Watch.Builder watch =
        Watch.newBuilder()
            .setId(1)
            .setGeneration(mine)
            .setMethod("app.v1.OrderService/ListOrders")
            .setRequest(ListOrdersRequest.getDefaultInstance().toByteString())
            .setEtag(etag);
    send(LiveRequest.newBuilder().setHello(LiveHello.newBuilder().addSubscriptions(subscribe).addWatches(watch)));
    beat();
  }

  private void beat() {
    int mine = generation;
    timers.schedule(() -> happens.add(new Timer(mine, "heartbeat")), 10, TimeUnit.SECONDS);
  }

  private void send(LiveRequest.Builder request) {
    try {
      requests.onNext(request.build());
    } catch (IllegalStateException closed) {
      // the stream has ended, which its observer reports
    }
  }

  private void goodbye() {
    send(LiveRequest.newBuilder().setGoodbye(Goodbye.getDefaultInstance()));
    try {
      requests.onCompleted();
    } catch (IllegalStateException closed) {
      // as above
    }
  }

  private void renew() {
    var session = client.sessions("").refresh(RefreshRequest.newBuilder().setRefreshToken(refreshToken).build());
    token = session.getAccessToken();
    refreshToken = session.getRefreshToken();
    send(LiveRequest.newBuilder().setRenew(Renew.newBuilder().setAccessToken(token)));
  }

  private void take(LiveResponse message) throws Exception {
    long before = handled;
    switch (message.getMessageCase()) {
      case WELCOME -> say("welcome", Map.of("ends_at", millis(message.getWelcome().getEndsAt())));
      case RENEWED ->
          say("renewed", Map.of("reason", message.getRenewed().getReason(), "ends_at", millis(message.getRenewed().getEndsAt())));
      case SUBSCRIBED -> {
        position = message.getSubscribed().getPosition();
        say("subscribed", Map.of("recovered", message.getSubscribed().getRecovered()));
      }
      case EVENTS -> {
        for (Event event : message.getEvents().getEventsList()) {
          position = position.toBuilder().setOffset(event.getOffset()).setEventId(event.getId()).build();
          handled++;
          say("event", Map.of("text", event.getPayload().toStringUtf8()));
        }
      }
      case WATCHING -> say("watching", Map.of("current", message.getWatching().getCurrent()));
      case SNAPSHOT -> {
        handled++;
        var snapshot = message.getSnapshot();
        if (!snapshot.getPartial()) etag = snapshot.getEtag();
        say("snapshot", Map.of("orders", ListOrdersResponse.parseFrom(snapshot.getPayload()).getOrdersCount()));
      }
      case GOING_AWAY -> {
        int mine = generation;
        say("going_away", Map.of("delay_ms", message.getGoingAway().getDelayMs()));
        timers.schedule(() -> happens.add(new Timer(mine, "move")), message.getGoingAway().getDelayMs(), TimeUnit.MILLISECONDS);
      }
      case SUBSCRIPTION_CLOSED -> say("subscription_closed", Map.of("reason", message.getSubscriptionClosed().getReason()));
      case WATCH_CLOSED -> say("watch_closed", Map.of("reason", message.getWatchClosed().getReason()));
      case CLOSED -> say("closed", Map.of("reason", message.getClosed().getReason()));
      default -> {} // a kind that a newer server sends
    }
    if (handled > before) send(LiveRequest.newBuilder().setAcknowledge(Acknowledge.newBuilder().setCount(handled)));
  }

  private static long millis(Timestamp time) {
    return time.getSeconds() * 1_000 + time.getNanos() / 1_000_000;
  }
}
