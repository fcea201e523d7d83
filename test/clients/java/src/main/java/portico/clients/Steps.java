package portico.clients;

import com.google.gson.Gson;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;

/** Lines of JSON, one per step. */
final class Steps {
  /** The longest that one step may take: a hang fails by name instead of holding the test up. */
  static final int LONGEST_SECONDS = 20;

  private static final Gson GSON = new Gson();

  /** Prints what the stream of live updates brought. */
  static void say(String what, Map<String, Object> more) {
    print("live", what, more);
  }

  /** Prints what a stream brought. */
  static synchronized void print(String stream, String what, Map<String, Object> more) {
    Map<String, Object> line = new LinkedHashMap<>(Map.of(stream, what));
    line.putAll(more);
    System.out.println(GSON.toJson(line));
  }

  /** Runs one step and prints what came of it. */
  static void step(String name, Callable<Map<String, Object>> run) {
    Map<String, Object> line = new LinkedHashMap<>();
    line.put("step", name);
    try {
      line.putAll(run.call());
    } catch (Exception error) {
      line.put("failed", String.valueOf(error));
    }
    System.out.println(GSON.toJson(line));
  }
}
