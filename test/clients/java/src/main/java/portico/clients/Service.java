package portico.clients;

import io.grpc.InsecureServerCredentials;
import io.grpc.Server;
import io.grpc.okhttp.OkHttpServerBuilder;
import io.grpc.stub.StreamObserver;
import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.util.concurrent.atomic.AtomicInteger;
import orders.AnswersAbout;
import orders.Changes;
import promotions.v1.PromotionOuterClass.ListPromotionsRequest;
import promotions.v1.PromotionOuterClass.ListPromotionsResponse;
import promotions.v1.PromotionOuterClass.Promotion;
import promotions.v1.PromotionServiceGrpc;

/** An internal service, with the examples of our docs: it answers with the number of its answers, which are about order 42, and reports what it reads. */
final class Service extends PromotionServiceGrpc.PromotionServiceImplBase {
  private final AtomicInteger answers = new AtomicInteger();

  @Override
  public void listPromotions(ListPromotionsRequest request, StreamObserver<ListPromotionsResponse> answer) {
    AnswersAbout.order("42");
    String title = String.valueOf(answers.incrementAndGet());
    Promotion promotion = Promotion.newBuilder().setPromotionId("1").setTitle(title).build();
    answer.onNext(ListPromotionsResponse.newBuilder().addPromotions(promotion).build());
    answer.onCompleted();
  }

  static void serve() throws Exception {
    Server server =
        OkHttpServerBuilder.forPort(0, InsecureServerCredentials.create()).addService(new Service()).intercept(new AnswersAbout()).build().start();
    System.out.println("127.0.0.1:" + server.getPort());
    Changes changes = null;
    try (var lines = new BufferedReader(new InputStreamReader(System.in))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        String[] words = line.split(" ");
        switch (words[0]) {
          case "connect" -> changes = new Changes(words[1], new File(words[2]), words[3]);
          case "changed" -> changes.orderChanged(words[1]);
          case "moved" -> changes.courierMoved(words[1], words[2], words[3].getBytes());
          default -> throw new IllegalArgumentException(line);
        }
        System.out.println("done " + words[0]);
      }
    } finally {
      if (changes != null) changes.close();
      server.shutdownNow();
    }
  }
}
