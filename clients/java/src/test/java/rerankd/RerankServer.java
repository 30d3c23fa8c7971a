package rerankd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * The real program (RERANKD_PROGRAM) in a process of its own, serving the default model, one call at a time; and its
 * log.
 */
final class RerankServer implements AutoCloseable {
  private static final long PATIENCE_SECONDS = 120; // a hang

  final String address;
  private final Process process;
  private final Path folder;
  private final List<String> log = new ArrayList<>();

  /** On a Unix socket. */
  RerankServer() throws IOException, InterruptedException {
    this(Optional.empty());
  }

  /** On a free port. */
  static RerankServer onAPort() throws IOException, InterruptedException {
    return new RerankServer(Optional.of("127.0.0.1:0"));
  }

  private RerankServer(Optional<String> listen) throws IOException, InterruptedException {
    folder = Files.createTempDirectory("rerankd");
    var builder = new ProcessBuilder(System.getenv("RERANKD_PROGRAM"),
        "--listen", listen.orElse("unix:" + folder.resolve("socket")),
        "--max-concurrent-requests", "1", "--log-level", "debug").redirectErrorStream(true);
    // Not the settings of a server of the tester's own.
    builder.environment().keySet().removeIf(name -> name.startsWith("RERANKD_"));
    process = builder.start();
    Thread reader = new Thread(() -> process.inputReader().lines().forEach(line -> {
      synchronized (log) {
        log.add(line);
        log.notifyAll();
      }
    }));
    reader.setDaemon(true);
    reader.start();
    address = waitFor("serving: address=").replaceFirst(".* address=(\\S+).*", "$1");
  }

  /** The first line of the log that holds all of the texts, if there is one yet. */
  Optional<String> logged(String... texts) {
    synchronized (log) {
      return log.stream().filter(line -> Stream.of(texts).allMatch(line::contains)).findFirst();
    }
  }

  /** The first line of the log that holds all of the texts, once it is there. */
  String waitFor(String... texts) throws InterruptedException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
    synchronized (log) {
      while (logged(texts).isEmpty()) {
        long left = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
        assertTrue(left > 0, () -> "the log has no such line: " + String.join(" ", texts));
        log.wait(left);
      }
      return logged(texts).get();
    }
  }

  /** Fails when it does not end well: status 1 means that a call still ran after the grace period. */
  @Override
  public void close() throws IOException, InterruptedException {
    process.destroy();
    boolean ended = process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS);
    process.destroyForcibly();
    Files.deleteIfExists(folder.resolve("socket"));
    Files.deleteIfExists(folder);
    assertTrue(ended, "the server did not end");
    assertEquals(0, process.exitValue());
  }
}
