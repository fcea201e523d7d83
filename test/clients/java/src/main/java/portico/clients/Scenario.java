package portico.clients;

import static portico.clients.Steps.step;

import app.v1.OrderOuterClass.GetOrderRequest;
import com.google.protobuf.Empty;
import io.grpc.CallOptions;
import io.grpc.ClientInterceptors;
import io.grpc.MethodDescriptor;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.stub.ClientCalls;
import java.util.Map;
import portico.v1.Session.RefreshRequest;
import portico.v1.Session.SignInResponse;
import portico.v1.Session.SignOutRequest;

/** Every step of a client's day but a missing part, which needs a service that fails. */
final class Scenario {
  /** Changes of the user's orders between two calls make the second one a miss: more than a few in a row would be wrong. */
  private static final int TRIES_MAX = 5;

  static void run(AppClient client, String expiredToken) {
    SignInResponse session = client.signIn("alice");
    String token = session.getAccessToken();
    step(
        "sign_in",
        () ->
            Map.of(
                "user_id", session.getUserId(),
                "expires_in", session.getExpiresIn(),
                "tokens", !token.isEmpty() && !session.getRefreshToken().isEmpty()));
    step("home", () -> client.home(token, ""));
    step(
        "home_again",
        () -> {
          for (int tries = 1; ; tries++) {
            Map<String, Object> line = client.home(token, "");
            if (line.get("cache").equals("hit") || tries == TRIES_MAX) return line;
          }
        });
    // The home screen once more, with the etag of what the client has: an empty message says that it still holds.
    step(
        "not_modified",
        () -> {
          for (int tries = 1; ; tries++) {
            Map<String, Object> line = client.home(token, (String) client.home(token, "").get("etag"));
            if (line.get("not_modified").equals("1") || tries == TRIES_MAX) return line;
          }
        });
    step("refresh", () -> refresh(client, session.getRefreshToken()));
    step("token_expired", () -> Refusal.of(() -> client.home(expiredToken, "")));
    step("token_missing", () -> Refusal.of(() -> client.home("", "")));
    step("method_unknown", () -> Refusal.of(() -> unknownMethod(client, token)));
    step("request_invalid", () -> Refusal.of(() -> client.orders(token).getOrder(GetOrderRequest.newBuilder().setOrderId("no such id!").build())));
    step("track", () -> Streams.track(client, token));
    step("report_positions", () -> Streams.reportPositions(client));
    step("talk", () -> Streams.talk(client, token));
    step("deadline", () -> Streams.deadline(client, token));
    step("cancel", () -> Streams.cancel(client, token));
    step(
        "sign_out",
        () -> {
          client.sessions(token).signOut(SignOutRequest.getDefaultInstance());
          return Refusal.of(() -> client.home(token, ""));
        });
  }

  /** Refreshes twice with one token, as a client does whose first answer was lost. */
  private static Map<String, Object> refresh(AppClient client, String refreshToken) {
    RefreshRequest request = RefreshRequest.newBuilder().setRefreshToken(refreshToken).build();
    String one = client.sessions("").refresh(request).getRefreshToken();
    String again = client.sessions("").refresh(request).getRefreshToken();
    return Map.of("same_successor", one.equals(again), "rotated", !one.equals(refreshToken));
  }

  /** A method that an app of another age may know. */
  private static Empty unknownMethod(AppClient client, String token) {
    MethodDescriptor<Empty, Empty> method =
        MethodDescriptor.<Empty, Empty>newBuilder()
            .setType(MethodDescriptor.MethodType.UNARY)
            .setFullMethodName("app.v1.HomeService/GetAttic")
            .setRequestMarshaller(ProtoUtils.marshaller(Empty.getDefaultInstance()))
            .setResponseMarshaller(ProtoUtils.marshaller(Empty.getDefaultInstance()))
            .build();
    var channel = ClientInterceptors.intercept(client.channel, AppClient.sending(token, ""));
    return ClientCalls.blockingUnaryCall(channel, method, CallOptions.DEFAULT, Empty.getDefaultInstance());
  }
}
