package dev.adjoint.cli;

import java.util.concurrent.CountDownLatch;

/**
 * While open, Ctrl-C (SIGINT) and SIGTERM ask the run to stop, and the JVM stays alive until this
 * is closed: time to save.
 */
final class StopOnSignal implements AutoCloseable {
  private final CountDownLatch closed = new CountDownLatch(1);
  private final Thread hook;
  private volatile boolean received;

  StopOnSignal(Runnable stop) {
    hook =
        new Thread(
            () -> {
              received = true;
              stop.run();
              awaitClosed();
            },
            "stop-on-signal");
    Runtime.getRuntime().addShutdownHook(hook);
  }

  private void awaitClosed() {
    try {
      closed.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  boolean received() {
    return received;
  }

  @Override
  public void close() {
    closed.countDown();
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // the JVM is on its way out, through this very hook
    }
  }
}
