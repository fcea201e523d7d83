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

/** Every step of a phone's day but a missing part, which needs a service that fails. */
final class Walk {
  /** Changes of the user's orders between two calls make the second one a miss: more than a few in a row would be wrong. */
  private static final int TRIES_MAX = 5;

  static void walk(Phone phone, String expiredToken) {
    SignInResponse session = phone.signIn("alice");
    String token = session.getAccessToken();
    step(
        "sign_in",
        () ->
            Map.of(
                "user_id", session.getUserId(),
                "expires_in", session.getExpiresIn(),
                "tokens", !token.isEmpty() && !session.getRefreshToken().isEmpty()));
    step("home", () -> phone.home(token, ""));
    step(
        "home_again",
        () -> {
          for (int tries = 1; ; tries++) {
            Map<String, Object> line = phone.home(token, "");
            if (line.get("cache").equals("hit") || tries == TRIES_MAX) return line;
          }
        });
    // The home screen once more, with the etag of what the phone has: an empty message says that it still holds.
    step(
        "not_modified",
        () -> {
          for (int tries = 1; ; tries++) {
            Map<String, Object> line = phone.home(token, (String) phone.home(token, "").get("etag"));
            if (line.get("not_modified").equals("1") || tries == TRIES_MAX) return line;
          }
        });
    step("refresh", () -> refresh(phone, session.getRefreshToken()));
    step("token_expired", () -> Refusal.of(() -> phone.home(expiredToken, "")));
    step("token_missing", () -> Refusal.of(() -> phone.home("", "")));
    step("method_unknown", () -> Refusal.of(() -> unknownMethod(phone, token)));
    step("request_invalid", () -> Refusal.of(() -> phone.orders(token).getOrder(GetOrderRequest.newBuilder().setOrderId("no such id!").build())));
    step("track", () -> Streams.track(phone, token));
    step("report_positions", () -> Streams.reportPositions(phone));
    step("talk", () -> Streams.talk(phone, token));
    step("deadline", () -> Streams.deadline(phone, token));
    step("cancel", () -> Streams.cancel(phone, token));
    step(
        "sign_out",
        () -> {
          phone.sessions(token).signOut(SignOutRequest.getDefaultInstance());
          return Refusal.of(() -> phone.home(token, ""));
        });
  }

  /** Refreshes twice with one token, as a phone does whose first answer was lost. */
  private static Map<String, Object> refresh(Phone phone, String refreshToken) {
    RefreshRequest request = RefreshRequest.newBuilder().setRefreshToken(refreshToken).build();
    String one = phone.sessions("").refresh(request).getRefreshToken();
    String again = phone.sessions("").refresh(request).getRefreshToken();
    return Map.of("same_successor", one.equals(again), "rotated", !one.equals(refreshToken));
  }

  /** A method that an app of another age may know. */
  private static Empty unknownMethod(Phone phone, String token) {
    MethodDescriptor<Empty, Empty> method =
        MethodDescriptor.<Empty, Empty>newBuilder()
            .setType(MethodDescriptor.MethodType.UNARY)
            .setFullMethodName("app.v1.HomeService/GetAttic")
            .setRequestMarshaller(ProtoUtils.marshaller(Empty.getDefaultInstance()))
            .setResponseMarshaller(ProtoUtils.marshaller(Empty.getDefaultInstance()))
            .build();
    var channel = ClientInterceptors.intercept(phone.channel, Phone.sending(token, ""));
    return ClientCalls.blockingUnaryCall(channel, method, CallOptions.DEFAULT, Empty.getDefaultInstance());
  }
}
