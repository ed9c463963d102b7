package dev.adjoint.benchmarks;

import java.util.List;
import java.util.concurrent.AbstractExecutorService;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/**
 * The one thread of a worker that prepares workloads, runs them under JMH and reads their results,
 * as in a program. OpenMP, which keeps a team for each thread that calls it, then has one. JMH
 * finds this class by {@code -Djmh.executor.class} and makes an executor for each measurement; all
 * are this thread, and shutting them down does nothing.
 */
public final class WorkloadThread extends AbstractExecutorService {
  private static final ExecutorService THREAD =
      Executors.newSingleThreadExecutor(
          body -> {
            Thread thread = new Thread(body, "workload");
            thread.setDaemon(true);
            return thread;
          });

  /** The signature that JMH looks for. */
  public WorkloadThread(int threads, String prefix) {
    if (threads != 1) {
      throw new IllegalArgumentException("one thread only, not " + threads + " of " + prefix);
    }
  }

  /** Computes on the thread. */
  static <T> T call(Callable<T> body) throws Exception {
    try {
      return THREAD.submit(body).get();
    } catch (ExecutionException e) {
      throw e.getCause() instanceof Exception cause ? cause : e;
    }
  }

  @Override
  public void execute(Runnable command) {
    THREAD.execute(command);
  }

  @Override
  public void shutdown() {}

  @Override
  public List<Runnable> shutdownNow() {
    return List.of();
  }

  @Override
  public boolean isShutdown() {
    return true;
  }

  @Override
  public boolean isTerminated() {
    return true;
  }

  @Override
  public boolean awaitTermination(long timeout, TimeUnit unit) {
    return true;
  }
}
