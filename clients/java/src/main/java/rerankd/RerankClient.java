package rerankd;

import io.grpc.CallOptions;
import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import rerank.v1.Rerank;

/**
 * Calls a server, or in turn those of all addresses that the target stands for. A connection is made when it is first
 * needed, and again whenever it was lost. Safe for concurrent use.
 * A call blocks until its answer or its deadline; interrupting its thread cancels it, and the server drops the work of
 * a call that was given up. Failures are {@link StatusRuntimeException}s; {@code StatusProto.fromThrowable} gives their
 * details.
 */
public final class RerankClient implements AutoCloseable {
  private final ManagedChannel channel;
  private final Options options;

  private RerankClient(Options options) {
    this.options = options;
    this.channel = Grpc.newChannelBuilder(options.target, options.credentials)
        .maxInboundMessageSize(Integer.MAX_VALUE) // an answer is about as large as its request at most
        .defaultLoadBalancingPolicy("round_robin")
        .disableRetry() // gRPC's own knows no RetryInfo
        .intercept(MetadataUtils.newAttachHeadersInterceptor(options.metadata))
        .build();
  }

  /** What a client is made with: {@code RerankClient.to(target).deadline(...).connect()}. */
  public static final class Options {
    private final String target;
    private final Metadata metadata = new Metadata();
    private ChannelCredentials credentials = InsecureChannelCredentials.create();
    private Duration deadline = Duration.ofSeconds(30);
    private RetryPolicy retry = RetryPolicy.DEFAULT;
    private int maxMessageBytes = 64 << 20;

    private Options(String target) {
      this.target = target;
    }

    /** Of a call, its retries included. Default: 30 seconds. */
    public Options deadline(Duration value) {
      deadline = value;
      return this;
    }

    public Options retry(RetryPolicy value) {
      retry = value;
      return this;
    }

    /**
     * The largest request that is sent; a larger one fails with RESOURCE_EXHAUSTED. Default: 64 MiB, as the server has
     * it.
     */
    public Options maxMessageBytes(int value) {
      maxMessageBytes = value;
      return this;
    }

    /** For TLS: {@code TlsChannelCredentials}. Default: plain text. */
    public Options credentials(ChannelCredentials value) {
      credentials = value;
      return this;
    }

    /** For a proxy before the server: sent as "authorization: Bearer KEY". */
    public Options apiKey(String value) {
      return metadata("authorization", "Bearer " + value);
    }

    /** Sent with every call. */
    public Options metadata(String name, String value) {
      metadata.put(Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER), value);
      return this;
    }

    public RerankClient connect() {
      return new RerankClient(this);
    }
  }

  /** "host:port", "unix:/path" or any gRPC name. */
  public static Options to(String target) {
    return new Options(target);
  }

  /** Orders the request's documents by how well they answer its query, best first. */
  public Rerank.RerankResponse rerank(Rerank.RerankRequest request) {
    if (request.getSerializedSize() > options.maxMessageBytes) {
      throw Status.RESOURCE_EXHAUSTED
          .withDescription("the request has " + request.getSerializedSize() + " bytes, the limit is "
              + options.maxMessageBytes)
          .asRuntimeException();
    }
    return call(Methods.RERANK, request);
  }

  /** The models that are served, the default one first. */
  public List<Rerank.Model> listModels() {
    return call(Methods.LIST_MODELS, Rerank.ListModelsRequest.getDefaultInstance()).getModelsList();
  }

  private <Q, A> A call(MethodDescriptor<Q, A> method, Q request) {
    long end = System.nanoTime() + options.deadline.toNanos();
    for (int attempts = 1;; attempts++) {
      try {
        CallOptions call = CallOptions.DEFAULT.withDeadlineAfter(end - System.nanoTime(), TimeUnit.NANOSECONDS);
        return ClientCalls.blockingUnaryCall(channel, method, call, request);
      } catch (StatusRuntimeException failure) {
        Optional<Duration> pause = options.retry.pause(attempts, failure, ThreadLocalRandom.current().nextDouble());
        // A pause that would outlast the deadline is not begun.
        if (pause.isEmpty() || pause.get().toNanos() >= end - System.nanoTime()) {
          throw failure;
        }
        // Else gRPC may look for a server that was away only minutes after it is there again.
        if (failure.getStatus().getCode() == Status.Code.UNAVAILABLE) {
          channel.resetConnectBackoff();
        }
        try {
          TimeUnit.NANOSECONDS.sleep(pause.get().toNanos());
        } catch (InterruptedException interrupted) {
          Thread.currentThread().interrupt();
          throw Status.CANCELLED.withDescription("interrupted between two attempts").asRuntimeException();
        }
      }
    }
  }

  @Override
  public void close() {
    channel.shutdownNow();
  }
}
