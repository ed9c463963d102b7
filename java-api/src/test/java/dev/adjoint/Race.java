package dev.adjoint;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Two threads that do their parts at the same moment, again and again: for about a second, or as
 * long as {@code -Dadjoint.stress.seconds} says.
 */
public final class Race {
  private static final double SECONDS =
      Double.parseDouble(System.getProperty("adjoint.stress.seconds", "1"));

  private Race() {}

  /** What one round consists of. */
  public interface Round {
    /** Prepares it. */
    void start();

    /** The part of the current thread; may throw {@link ClosedTensorException}. */
    void here();

    /** The part of the other thread. */
    void there();

    /** Looks at what has become of it. */
    void check();
  }

  /** Runs rounds until the time is over or one fails. */
  public static void run(Round round) throws InterruptedException {
    long end = System.nanoTime() + (long) (SECONDS * 1e9);
    AtomicLong started = new AtomicLong();
    AtomicLong finished = new AtomicLong();
    AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
    Thread other =
        new Thread(
            () -> {
              for (long i = 1; await(started, i); i++) {
                try {
                  round.there();
                } catch (Throwable e) {
                  failure.compareAndSet(null, e);
                }
                finished.set(i);
              }
            });
    other.start();
    try {
      for (long i = 1; System.nanoTime() < end && failure.get() == null; i++) {
        round.start();
        started.set(i);
        for (long wait = i % 64; wait > 0; wait--) {
          Thread.onSpinWait(); // each round meets at another point
        }
        try {
          round.here();
        } catch (ClosedTensorException e) {
          // how it may end
        }
        await(finished, i);
        round.check();
      }
    } finally {
      started.set(Long.MAX_VALUE);
      other.join();
    }
    if (failure.get() != null) {
      throw new AssertionError("in the other thread", failure.get());
    }
  }

  /** Waits for a number; false if it is the last. */
  private static boolean await(AtomicLong number, long wanted) {
    while (number.get() < wanted) {
      Thread.onSpinWait();
    }
    return number.get() != Long.MAX_VALUE;
  }
}
