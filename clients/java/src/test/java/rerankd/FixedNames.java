package rerankd;

import io.grpc.EquivalentAddressGroup;
import io.grpc.NameResolver;
import io.grpc.NameResolverProvider;
import io.grpc.StatusOr;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.List;
import java.util.stream.Stream;

/** Targets of one scheme stand for these addresses ("127.0.0.1:50051"), as a name of DNS would. */
final class FixedNames extends NameResolverProvider {
  private final String scheme;
  private final List<EquivalentAddressGroup> addresses;

  FixedNames(String scheme, String... addresses) {
    this.scheme = scheme;
    this.addresses = Stream.of(addresses).map(address -> {
      int colon = address.lastIndexOf(':');
      return new EquivalentAddressGroup(
          new InetSocketAddress(address.substring(0, colon), Integer.parseInt(address.substring(colon + 1))));
    }).toList();
  }

  @Override
  public NameResolver newNameResolver(URI target, NameResolver.Args arguments) {
    return new NameResolver() {
      @Override
      public String getServiceAuthority() {
        return scheme;
      }

      @Override
      public void start(Listener2 listener) {
        listener.onResult(ResolutionResult.newBuilder().setAddressesOrError(StatusOr.fromValue(addresses)).build());
      }

      @Override
      public void shutdown() {}
    };
  }

  @Override
  public String getDefaultScheme() {
    return scheme;
  }

  @Override
  protected boolean isAvailable() {
    return true;
  }

  @Override
  protected int priority() {
    return 5;
  }
}
