package portico.clients;

import io.grpc.ChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.TlsChannelCredentials;
import io.grpc.okhttp.OkHttpChannelBuilder;
import java.io.File;
import java.io.IOException;
import java.util.concurrent.TimeUnit;

/** One channel for the whole app: it connects when it is needed, and again when the connection was lost. */
final class Channels {
  /**
   * @param target such as "localhost:8443"
   * @param ca a PEM file of the authority that signed the server's certificate
   */
  static ManagedChannel open(String target, File ca) throws IOException {
    ChannelCredentials credentials = TlsChannelCredentials.newBuilder().trustManager(ca).build();
    return OkHttpChannelBuilder.forTarget(target, credentials)
        .keepAliveTime(45, TimeUnit.SECONDS)
        .keepAliveTimeout(10, TimeUnit.SECONDS)
        .build();
  }
}
