package rerankd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Any;
import com.google.rpc.RetryInfo;
import io.grpc.Grpc;
import io.grpc.InsecureServerCredentials;
import io.grpc.Metadata;
import io.grpc.NameResolverRegistry;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerCredentials;
import io.grpc.ServerInterceptor;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.TlsChannelCredentials;
import io.grpc.TlsServerCredentials;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.ServerCalls;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import rerank.v1.Rerank.RerankRequest;
import rerank.v1.Rerank.RerankResponse;

@Timeout(120)
class RerankClientTest {
  private static final RerankRequest PANDA =
      RerankRequest.newBuilder().setQuery("what is a panda?").addDocuments("hi").addDocuments("a bear of China").build();
  /** Takes the server minutes. */
  private static final RerankRequest LONG_WORK = RerankRequest.newBuilder().setQuery("which one?")
      .addAllDocuments(Collections.nCopies(2000, "word ".repeat(300))).build();

  private Server fake;

  @AfterEach
  void stopFake() {
    if (fake != null) {
      fake.shutdownNow();
    }
  }

  @Test
  void ranks() throws Exception {
    try (var server = new RerankServer(); var client = RerankClient.to(server.address).connect()) {
      assertEquals(1, client.rerank(PANDA).getResults(0).getIndex());
      assertEquals(1, client.listModels().size());
      var failure = assertThrows(StatusRuntimeException.class,
          () -> client.rerank(PANDA.toBuilder().addDocuments("").build()));
      var details = StatusProto.fromThrowable(failure).getDetailsList();
      assertTrue(details.toString().contains("EMPTY_FIELD"), details::toString);
    }
  }

  @Test
  void aCancelledCallMakesRoomForOneThatWasPutOff() throws Exception {
    try (var server = new RerankServer(); var client = RerankClient.to(server.address).connect()) {
      var cancelled = new CompletableFuture<Status.Code>();
      Thread caller = new Thread(() -> cancelled.complete(codeOf(client, LONG_WORK)));
      caller.start();
      server.waitFor("accepted: ", "documents=2000");
      var patient = CompletableFuture.supplyAsync(() -> codeOf(client, PANDA));
      server.waitFor("request: ", "status=RESOURCE_EXHAUSTED");
      caller.interrupt();
      assertEquals(Status.Code.CANCELLED, cancelled.get());
      assertEquals(Status.Code.OK, patient.get());
      server.waitFor("request: ", "status=CANCELLED", "documents=2000");
    }
  }

  @Test
  void aCallOutOfTimeLeavesNothingRunning() throws Exception {
    try (var server = new RerankServer(); var client = RerankClient.to(server.address).connect()) {
      // One that the server has heard of, however slow the machine is.
      var deadline = Duration.ofMillis(500);
      for (; server.logged("accepted: ", "documents=2000").isEmpty(); deadline = deadline.multipliedBy(2)) {
        try (var impatient = RerankClient.to(server.address).deadline(deadline).connect()) {
          assertEquals(Status.Code.DEADLINE_EXCEEDED, codeOf(impatient, LONG_WORK));
        }
      }
      // The client ends its call at the deadline too: whichever the server sees first.
      String line = server.waitFor("request: ", "documents=2000");
      assertTrue(line.contains("status=DEADLINE_EXCEEDED") || line.contains("status=CANCELLED"), line);
      assertEquals(Status.Code.OK, codeOf(client, PANDA)); // the only one that the server takes at a time
    }
  }

  @Test
  void callsAllAddressesOfAName() throws Exception {
    try (var one = RerankServer.onAPort(); var other = RerankServer.onAPort()) {
      String nobody = "127.0.0.1:1";
      var names = new FixedNames("replicas", nobody, one.address, other.address);
      NameResolverRegistry.getDefaultRegistry().register(names);
      try (var client = RerankClient.to("replicas:///").connect()) {
        while (one.logged("request: ").isEmpty() || other.logged("request: ").isEmpty()) {
          client.rerank(PANDA);
        }
      } finally {
        NameResolverRegistry.getDefaultRegistry().deregister(names);
      }
    }
  }

  @Test
  void findsAServerThatIsThereAgain() throws Exception {
    var seen = new AtomicReference<Metadata>();
    String target = serve(InsecureServerCredentials.create(), seen, Optional::empty);
    try (var client = RerankClient.to(target).connect()) {
      client.rerank(PANDA);
      int port = fake.getPort();
      fake.shutdownNow().awaitTermination();
      // After each of these, gRPC by itself would wait longer before it looks again.
      for (int i = 0; i < 3; i++) {
        assertEquals(Status.Code.UNAVAILABLE, codeOf(client, PANDA));
      }
      serve(port, InsecureServerCredentials.create(), seen, Optional::empty);
      assertEquals(Status.Code.OK, codeOf(client, PANDA));
    }
  }

  @Test
  void sendsAgainWhatMayPass() throws Exception {
    assertOutcome(failure(Status.Code.UNAVAILABLE, null), 5, Status.Code.OK);
    assertOutcome(failure(Status.Code.CANCELLED, null), 5, Status.Code.OK); // by a server that begins to stop
    assertOutcome(failure(Status.Code.RESOURCE_EXHAUSTED, Duration.ofMillis(1)), 5, Status.Code.OK);
    assertOutcome(failure(Status.Code.RESOURCE_EXHAUSTED, null), 1, Status.Code.RESOURCE_EXHAUSTED);
    assertOutcome(failure(Status.Code.RESOURCE_EXHAUSTED, Duration.ofHours(1)), 1, Status.Code.RESOURCE_EXHAUSTED);
  }

  private void assertOutcome(StatusRuntimeException failure, int calls, Status.Code code) throws IOException {
    var made = new AtomicInteger();
    String target = serve(InsecureServerCredentials.create(), new AtomicReference<>(),
        () -> made.incrementAndGet() < 5 ? Optional.of(failure) : Optional.empty());
    var retry = new RetryPolicy(5, Duration.ofMillis(1), Duration.ofMillis(1));
    try (var client = RerankClient.to(target).retry(retry).connect()) {
      assertEquals(code, codeOf(client, PANDA));
    }
    assertEquals(calls, made.get());
    fake.shutdownNow();
  }

  @Test
  void refusesARequestThatIsTooLarge() {
    try (var client = RerankClient.to("127.0.0.1:1").maxMessageBytes(1000).connect()) {
      assertEquals(Status.Code.RESOURCE_EXHAUSTED, codeOf(client, LONG_WORK));
    }
  }

  @Test
  void encryptsAndSendsKeys(@TempDir Path folder) throws Exception {
    Path certificate = folder.resolve("certificate.pem");
    Path key = folder.resolve("key.pem");
    assertEquals(0, new ProcessBuilder("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
        "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
        "subjectAltName=IP:127.0.0.1", "-keyout", key.toString(), "-out", certificate.toString()).start().waitFor());
    var seen = new AtomicReference<Metadata>();
    String target = serve(TlsServerCredentials.create(certificate.toFile(), key.toFile()), seen, Optional::empty);
    var trusting = TlsChannelCredentials.newBuilder().trustManager(certificate.toFile()).build();
    try (var client = RerankClient.to(target).credentials(trusting).apiKey("secret").connect()) {
      client.rerank(PANDA);
    }
    assertEquals("Bearer secret", seen.get().get(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER)));
    var never = new RetryPolicy(1, Duration.ZERO, Duration.ZERO);
    try (var stranger = RerankClient.to(target).credentials(TlsChannelCredentials.create()).retry(never).connect()) {
      assertEquals(Status.Code.UNAVAILABLE, codeOf(stranger, PANDA));
    }
  }

  @Test
  void thePauseDoublesUpToTheLongestAfterWhatTheServerAsksFor() {
    var policy = new RetryPolicy(4, Duration.ofMillis(100), Duration.ofMillis(250));
    var unavailable = failure(Status.Code.UNAVAILABLE, null);
    assertEquals(
        List.of(Optional.of(Duration.ofMillis(100)), Optional.of(Duration.ofMillis(200)),
            Optional.of(Duration.ofMillis(250)), Optional.empty()),
        List.of(policy.pause(1, unavailable, 1), policy.pause(2, unavailable, 1), policy.pause(3, unavailable, 1),
            policy.pause(4, unavailable, 1)));
    assertEquals(Optional.of(Duration.ofMillis(50)), policy.pause(1, unavailable, 0));
    var full = failure(Status.Code.RESOURCE_EXHAUSTED, Duration.ofSeconds(3));
    assertEquals(Optional.of(Duration.ofMillis(3100)), policy.pause(1, full, 1));
    assertEquals(Optional.empty(), policy.pause(1, failure(Status.Code.INVALID_ARGUMENT, Duration.ofSeconds(1)), 1));
  }

  private static Status.Code codeOf(RerankClient client, RerankRequest request) {
    try {
      client.rerank(request);
      return Status.Code.OK;
    } catch (StatusRuntimeException failure) {
      return failure.getStatus().getCode();
    }
  }

  private static StatusRuntimeException failure(Status.Code code, Duration retryAfter) {
    var status = com.google.rpc.Status.newBuilder().setCode(code.value());
    if (retryAfter != null) {
      var delay = com.google.protobuf.Duration.newBuilder()
          .setSeconds(retryAfter.toSeconds()).setNanos(retryAfter.toNanosPart());
      status.addDetails(Any.pack(RetryInfo.newBuilder().setRetryDelay(delay).build()));
    }
    return StatusProto.toStatusRuntimeException(status.build());
  }

  private interface Outcome {
    Optional<StatusRuntimeException> next();
  }

  /** A server whose calls end as {@code outcome} says; returns its address. */
  private String serve(ServerCredentials credentials, AtomicReference<Metadata> seen, Outcome outcome)
      throws IOException {
    return serve(0, credentials, seen, outcome);
  }

  private String serve(int port, ServerCredentials credentials, AtomicReference<Metadata> seen, Outcome outcome)
      throws IOException {
    var service = ServerServiceDefinition.builder(Methods.SERVICE)
        .addMethod(Methods.RERANK, ServerCalls.asyncUnaryCall((request, observer) ->
            outcome.next().ifPresentOrElse(observer::onError, () -> {
              observer.onNext(RerankResponse.getDefaultInstance());
              observer.onCompleted();
            })))
        .build();
    fake = Grpc.newServerBuilderForPort(port, credentials).addService(service).intercept(new ServerInterceptor() {
      @Override
      public <Q, A> ServerCall.Listener<Q> interceptCall(ServerCall<Q, A> call, Metadata metadata,
          ServerCallHandler<Q, A> next) {
        seen.set(metadata);
        return next.startCall(call, metadata);
      }
    }).build().start();
    return "127.0.0.1:" + fake.getPort();
  }
}
