package rerankd;

import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import rerank.v1.Rerank.RerankRequest;

/** Ranks two documents: {@code mvn compile exec:java -Dexec.args=127.0.0.1:50051}. */
public final class Ask {
  public static void main(String[] arguments) {
    try (RerankClient client = RerankClient.to(arguments[0]).connect()) {
      var answer = client.rerank(RerankRequest.newBuilder()
          .setQuery("what is a panda?").addDocuments("hi").addDocuments("a bear of China").setTopK(1).build());
      System.out.println(answer.getResults(0).getIndex() + " " + answer.getResults(0).getScore());
    } catch (StatusRuntimeException failure) {
      System.err.println(StatusProto.fromThrowable(failure));
      System.exit(1);
    }
  }
}
