package portico.clients;

import io.grpc.ManagedChannel;
import java.io.File;
import java.util.concurrent.TimeUnit;

/**
 * A client in Java: grpc-java on OkHttp, as Android has it, with the code that its own generators make of our protos. It does what an app does and
 * prints one line of JSON per step; the test that starts it checks each line.
 */
public final class Main {
  public static void main(String[] arguments) throws Exception {
    if (arguments.length != 1) {
      System.err.println("usage: scenario|missing|live|chat|service, with PORTICO_TARGET, PORTICO_CA, PORTICO_EXPIRED_TOKEN; PORTICO_ID_TOKEN, PORTICO_TOPIC");
      System.exit(64);
    }
    if (arguments[0].equals("service")) {
      Service.serve();
      return;
    }
    ManagedChannel channel = Channels.open(System.getenv("PORTICO_TARGET"), new File(System.getenv("PORTICO_CA")));
    try {
      AppClient client = new AppClient(channel);
      switch (arguments[0]) {
        case "missing" -> Steps.step("missing", () -> client.home(client.signIn("bob").getAccessToken(), ""));
        case "live" -> new LiveUpdates(client, System.getenv("PORTICO_TOPIC")).run(System.getenv("PORTICO_ID_TOKEN"));
        case "chat" -> new Chatter(client).run(System.getenv("PORTICO_ID_TOKEN"));
        default -> Scenario.run(client, System.getenv("PORTICO_EXPIRED_TOKEN"));
      }
    } finally {
      channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
    }
  }
}
