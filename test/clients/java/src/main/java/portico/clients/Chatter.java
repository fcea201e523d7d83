package portico.clients;

import io.grpc.stub.StreamObserver;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import portico.v1.Chat.ChatEvent;
import portico.v1.Chat.ChatHello;
import portico.v1.Chat.ChatPosition;
import portico.v1.Chat.ChatRequest;
import portico.v1.Chat.ChatResponse;
import portico.v1.Chat.Content;
import portico.v1.Chat.Entry;
import portico.v1.Chat.NewMessage;
import portico.v1.Chat.PostRequest;
import portico.v1.Session.Device;
import portico.v1.Session.IdTokenIdentity;
import portico.v1.Session.SignInRequest;
import portico.v1.Stream.Acknowledge;
import portico.v1.Stream.Goodbye;
import portico.v1.Stream.Heartbeat;

/**
 * Holds the stream of conversations as an app does. What it keeps is what the next stream says hello with, and what it sends again. Whatever happens is
 * one entry of a queue, which one thread takes.
 */
final class Chatter {
  private final AppClient client;
  private final BlockingQueue<Object> happens = new LinkedBlockingQueue<>();
  private final ScheduledExecutorService timers = Executors.newSingleThreadScheduledExecutor();
  private String token;

  /** The last event of each conversation. */
  private final Map<String, ChatPosition> positions = new HashMap<>();

  /** Of the user's own changes: all up to the first have come, and the second is the largest that was seen. */
  private long ownSeq;

  private long ownSeen;

  /** What is not answered yet, in its order. The first of each conversation is on its way. */
  private final List<PostRequest> queue = new ArrayList<>();

  // of the present stream
  private int stream;
  private StreamObserver<ChatRequest> requests;
  private boolean open;
  private long handled;
  private final Set<String> sent = new HashSet<>();

  /** What a stream brings, with the number of that stream: what an older one brings counts no more. */
  private record Received(int stream, ChatResponse message) {}

  private record Ended(int stream, String error) {}

  private record Timer(int stream, String name) {}

  Chatter(AppClient client) {
    this.client = client;
  }

  /** Holds one stream after another until it reads "leave". "post CONVERSATION ID TEXT" puts a message into its queue. */
  void run(String idToken) throws Exception {
    var identity = IdTokenIdentity.newBuilder().setToken(idToken);
    var device = Device.newBuilder().setPlatform("android").setName("grpc-java");
    token = client.sessions("").signIn(SignInRequest.newBuilder().setIdToken(identity).setDevice(device).build()).getAccessToken();
    Thread commands = new Thread(this::readCommands);
    commands.setDaemon(true);
    commands.start();
    begin();
    while (true) {
      Object next = happens.take();
      if (next.equals("leave")) break;
      if (next instanceof String command) enqueue(command);
      else if (next instanceof Received received && received.stream() == stream) take(received.message());
      else if (next instanceof Ended ended && ended.stream() == stream) {
        open = false;
        tell("cut", Map.of("error", ended.error()));
        after(500, "retry");
      } else if (next instanceof Timer timer && timer.stream() == stream) {
        if (timer.name().equals("retry")) begin();
        else {
          send(ChatRequest.newBuilder().setHeartbeat(Heartbeat.getDefaultInstance()));
          after(10_000, "heartbeat");
        }
      }
      if (open) flush();
    }
    send(ChatRequest.newBuilder().setGoodbye(Goodbye.getDefaultInstance()));
    try {
      requests.onCompleted();
    } catch (IllegalStateException closed) {
      // the stream has ended, which its observer reports
    }
    timers.shutdownNow();
  }

  private static void tell(String what, Map<String, Object> more) {
    Steps.print("chat", what, more);
  }

  private void readCommands() {
    try (var lines = new BufferedReader(new InputStreamReader(System.in))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) happens.add(line);
    } catch (java.io.IOException error) {
      happens.add("leave");
    }
  }

  private void after(long ms, String name) {
    int mine = stream;
    timers.schedule(() -> happens.add(new Timer(mine, name)), ms, TimeUnit.MILLISECONDS);
  }

  private void enqueue(String command) {
    String[] words = command.split(" ", 4);
    var message = NewMessage.newBuilder().setContent(Content.newBuilder().setText(words[3]));
    queue.add(PostRequest.newBuilder().setConversationId(words[1]).setEntry(Entry.newBuilder().setClientId(words[2]).setMessage(message)).build());
  }

  /** Opens a stream: hello has all that the client has. */
  private void begin() {
    int mine = ++stream;
    handled = 0;
    sent.clear();
    requests =
        client
            .chat(token)
            .connect(
                new StreamObserver<>() {
                  @Override
                  public void onNext(ChatResponse message) {
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
    send(ChatRequest.newBuilder().setHello(ChatHello.newBuilder().addAllPositions(positions.values()).setOwnSeq(ownSeq)));
    after(10_000, "heartbeat");
  }

  private void send(ChatRequest.Builder request) {
    try {
      requests.onNext(request.build());
    } catch (IllegalStateException closed) {
      // the stream has ended, which its observer reports
    }
  }

  /** Sends the first of each conversation that is not on its way. */
  private void flush() {
    Set<String> busy = new HashSet<>();
    for (PostRequest request : queue)
      if (busy.add(request.getConversationId()) && sent.add(request.getEntry().getClientId())) send(ChatRequest.newBuilder().setPost(request));
  }

  /** It was answered, or its event has come. */
  private void answered(String conversationId, String clientId) {
    queue.removeIf(request -> request.getConversationId().equals(conversationId) && request.getEntry().getClientId().equals(clientId));
  }

  private void take(ChatResponse message) {
    open = true;
    long before = handled;
    switch (message.getMessageCase()) {
      case WELCOME -> tell("welcome", Map.of());
      case CONVERSATION -> {
        var conversation = message.getConversation().getConversation();
        if (message.getConversation().getReset()) positions.remove(conversation.getId());
        ownSeen = Math.max(ownSeen, conversation.getOwn().getOwnSeq());
        tell("conversation", Map.of("id", conversation.getId(), "unread", conversation.getOwn().getUnread()));
      }
      case EVENTS -> {
        String id = message.getEvents().getConversationId();
        for (ChatEvent event : message.getEvents().getEventsList()) {
          handled++;
          ChatPosition last = positions.get(id);
          if (last != null && event.getSeq() <= last.getSeq()) continue;
          positions.put(id, ChatPosition.newBuilder().setConversationId(id).setSeq(event.getSeq()).setEventId(event.getEventId()).build());
          tell("event", Map.of("conversation", id, "seq", event.getSeq(), "text", event.getMessage().getContent().getText()));
          answered(id, event.getClientId());
        }
      }
      case POSTED -> {
        var posted = message.getPosted();
        if (posted.getReason().equals("STORAGE_DOWN")) sent.remove(posted.getClientId());
        else {
          answered(posted.getConversationId(), posted.getClientId());
          tell("posted", Map.of("client_id", posted.getClientId(), "reason", posted.getReason()));
        }
      }
      case CAUGHT_UP -> {
        ownSeq = ownSeen;
        tell("caught_up", Map.of());
      }
      case CLOSED -> tell("closed", Map.of("reason", message.getClosed().getReason()));
      default -> {} // a kind that a newer server sends
    }
    if (handled > before) send(ChatRequest.newBuilder().setAcknowledge(Acknowledge.newBuilder().setCount(handled)));
  }
}
