package rerankd;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.RetryInfo;
import io.grpc.Context;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * When a call is sent again: after UNAVAILABLE, CANCELLED by the server, and RESOURCE_EXHAUSTED where the server says when to come back
 * (RetryInfo). The pause is what the server asks for and, on top of that, a random part of a backoff that doubles from
 * one attempt to the next.
 *
 * @param maxAttempts attempts of one call; 1: it is never sent again
 * @param initialBackoff the longest backoff before the second attempt
 * @param maxBackoff what it grows to
 */
public record RetryPolicy(int maxAttempts, Duration initialBackoff, Duration maxBackoff) {
  public static final RetryPolicy DEFAULT = new RetryPolicy(5, Duration.ofMillis(100), Duration.ofSeconds(2));

  /**
   * The pause before the next attempt; empty when there is none.
   *
   * @param attempts those that were made, the last of which ended with {@code failure}
   * @param chance between 0 and 1, anew for each call, so that clients that were refused together do not come back
   *     together
   */
  Optional<Duration> pause(int attempts, StatusRuntimeException failure, double chance) {
    Optional<Duration> asked = retryDelay(failure);
    boolean mayPass = switch (failure.getStatus().getCode()) {
      case UNAVAILABLE -> true;
      // When not by the caller: gRPC of a server that begins to stop says so.
      case CANCELLED -> !Context.current().isCancelled();
      // Without a word on when to come back: a request that is too large, a balance that is used up.
      case RESOURCE_EXHAUSTED -> asked.isPresent();
      default -> false;
    };
    if (!mayPass || attempts >= maxAttempts) {
      return Optional.empty();
    }
    double longest = Math.min(Math.scalb((double) initialBackoff.toNanos(), attempts - 1), maxBackoff.toNanos());
    return Optional.of(asked.orElse(Duration.ZERO).plusNanos((long) (longest * (1 + chance) / 2)));
  }

  private static Optional<Duration> retryDelay(StatusRuntimeException failure) {
    com.google.rpc.Status status = StatusProto.fromThrowable(failure);
    List<Any> details = status == null ? List.of() : status.getDetailsList();
    for (Any detail : details) {
      if (detail.is(RetryInfo.class)) {
        try {
          var delay = detail.unpack(RetryInfo.class).getRetryDelay();
          return Optional.of(Duration.ofSeconds(delay.getSeconds(), delay.getNanos()));
        } catch (InvalidProtocolBufferException ignored) {
          return Optional.empty();
        }
      }
    }
    return Optional.empty();
  }
}
