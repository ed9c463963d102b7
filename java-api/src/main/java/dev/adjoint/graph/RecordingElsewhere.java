package dev.adjoint.graph;

import dev.adjoint.internal.ThreadState;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Tells, once, of a mistake that parallel streams invite: their workers do not take over the
 * gradient mode of the thread that started them.
 */
public final class RecordingElsewhere {
  private static final System.Logger LOG = System.getLogger("dev.adjoint");
  private static final AtomicInteger OFF = new AtomicInteger();
  private static final AtomicBoolean TOLD = new AtomicBoolean();

  private RecordingElsewhere() {}

  /** A thread has switched recording off. */
  public static void off() {
    OFF.incrementAndGet();
  }

  /** It has gone back to what was before. */
  public static void offNoMore() {
    OFF.decrementAndGet();
  }

  /** An operation is recorded on the current thread. */
  static void check(String op) {
    if (OFF.get() > 0 && ThreadState.isWorker() && !TOLD.getAndSet(true)) {
      LOG.log(
          System.Logger.Level.WARNING,
          op
              + ": recorded for backward on '"
              + Thread.currentThread().getName()
              + "' while another thread is inside GradMode.off(); the mode of a thread does not"
              + " reach the workers of a parallel stream, open GradMode.off() in the code that they"
              + " run (told once)");
    }
  }
}
