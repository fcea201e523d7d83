package portico.clients;

import app.v1.Home.GetHomeRequest;
import app.v1.Home.GetHomeResponse;
import app.v1.HomeServiceGrpc;
import app.v1.OrderOuterClass.ListOrdersRequest;
import app.v1.OrderServiceGrpc;
import app.v1.TrackingServiceGrpc;
import io.grpc.Channel;
import io.grpc.ClientInterceptor;
import io.grpc.Metadata;
import io.grpc.stub.MetadataUtils;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import portico.v1.ChatServiceGrpc;
import portico.v1.LiveServiceGrpc;
import portico.v1.Session.DevIdentity;
import portico.v1.Session.Device;
import portico.v1.Session.SignInRequest;
import portico.v1.Session.SignInResponse;
import portico.v1.SessionServiceGrpc;

/** What an app has at hand: its channel, and what it sends along with each call. */
final class AppClient {
  final Channel channel;

  AppClient(Channel channel) {
    this.channel = channel;
  }

  /** Opens a dev session of a user. */
  SignInResponse signIn(String user) {
    SignInRequest request =
        SignInRequest.newBuilder()
            .setDev(DevIdentity.newBuilder().setUser(user))
            .setDevice(Device.newBuilder().setPlatform("android").setName("grpc-java"))
            .build();
    return sessions("").signIn(request);
  }

  SessionServiceGrpc.SessionServiceBlockingStub sessions(String token) {
    return SessionServiceGrpc.newBlockingStub(channel)
        .withInterceptors(sending(token, ""))
        .withDeadlineAfter(Steps.LONGEST_SECONDS, TimeUnit.SECONDS);
  }

  OrderServiceGrpc.OrderServiceBlockingStub orders(String token) {
    return OrderServiceGrpc.newBlockingStub(channel)
        .withInterceptors(sending(token, ""))
        .withDeadlineAfter(Steps.LONGEST_SECONDS, TimeUnit.SECONDS);
  }

  TrackingServiceGrpc.TrackingServiceStub tracking(String token) {
    return TrackingServiceGrpc.newStub(channel)
        .withInterceptors(sending(token, ""))
        .withDeadlineAfter(Steps.LONGEST_SECONDS, TimeUnit.SECONDS);
  }

  /** Without a deadline: a stream lasts. */
  LiveServiceGrpc.LiveServiceStub live(String token) {
    return LiveServiceGrpc.newStub(channel).withInterceptors(sending(token, ""));
  }

  /** The same for conversations. */
  ChatServiceGrpc.ChatServiceStub chat(String token) {
    return ChatServiceGrpc.newStub(channel).withInterceptors(sending(token, ""));
  }

  /** An order of the user that is on its way: the newest, which stays so longest. */
  String activeOrder(String token) {
    return orders(token).listOrders(ListOrdersRequest.newBuilder().setActiveOnly(true).build()).getOrders(0).getOrderId();
  }

  /** Reads the home screen. @param etag of what the client has, or "" */
  Map<String, Object> home(String token, String etag) {
    AtomicReference<Metadata> headers = new AtomicReference<>();
    GetHomeResponse home =
        HomeServiceGrpc.newBlockingStub(channel)
            .withInterceptors(sending(token, etag), receiving(headers))
            .withDeadlineAfter(Steps.LONGEST_SECONDS, TimeUnit.SECONDS)
            .getHome(GetHomeRequest.getDefaultInstance());
    Map<String, Object> line = new LinkedHashMap<>();
    line.put("display_name", home.getProfile().getDisplayName());
    line.put("city", home.getProfile().getCity());
    line.put("orders", home.getOrders().getOrdersCount());
    line.put("couriers", home.getCouriers().getNamesCount());
    line.put("has_offers", home.hasOffers());
    line.put("offers", home.getOffers().getPromotionsList().stream().map(offer -> offer.getTitle()).toList());
    line.put(
        "missing",
        home.getMissingPartsList().stream().map(part -> Map.of("name", part.getName(), "reason", part.getReason())).toList());
    line.put("empty", !home.hasProfile());
    line.put("cache", said(headers, "portico-cache"));
    line.put("not_modified", said(headers, "portico-not-modified"));
    line.put("etag", said(headers, "etag"));
    line.put("trace_id", said(headers, "portico-trace-id"));
    return line;
  }

  /** What a client sends along: its token, what it is, its language, and the etag of what it has. */
  static ClientInterceptor sending(String token, String etag) {
    Metadata metadata = new Metadata();
    metadata.put(key("app-platform"), "android");
    metadata.put(key("app-version"), "4.2.0");
    metadata.put(key("accept-language"), "de-DE");
    if (!token.isEmpty()) metadata.put(key("authorization"), "Bearer " + token);
    if (!etag.isEmpty()) metadata.put(key("if-none-match"), etag);
    return MetadataUtils.newAttachHeadersInterceptor(metadata);
  }

  /** Keeps the headers of the answer. */
  static ClientInterceptor receiving(AtomicReference<Metadata> headers) {
    return MetadataUtils.newCaptureMetadataInterceptor(headers, new AtomicReference<>());
  }

  /** What the answer's headers say under a name, or "". */
  static String said(AtomicReference<Metadata> headers, String name) {
    String value = headers.get() == null ? null : headers.get().get(key(name));
    return value == null ? "" : value;
  }

  private static Metadata.Key<String> key(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }
}
