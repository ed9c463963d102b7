package dev.adjoint.benchmarks;

import java.lang.management.CompilationMXBean;
import java.lang.management.ManagementFactory;
import java.util.function.LongSupplier;

/**
 * Runs a workload until the process has settled: what a program that goes on would no longer see
 * shall not be measured.
 *
 * <ul>
 *   <li>An allocator's first blocks are fresh pages, which the system clears one by one: many times
 *       the cost of large element-wise operations.
 *   <li>The JVM compiles while the workload runs, on processors that the workload needs: a small
 *       network's steps take five times as long in the first second, twice as long in the third.
 * </ul>
 *
 * @param residentBytes the memory of this process
 * @param compilingMillis how long the compiler was at work, all in all
 * @param nanos the time
 */
record WarmUp(LongSupplier residentBytes, LongSupplier compilingMillis, LongSupplier nanos) {
  /** Looks in a row that see no new memory. */
  private static final int STEADY_LOOKS = 5;

  /** How long such looks need not go on. */
  private static final long STEADY_NANOS = 2_000_000_000L;

  private static final long MEBIBYTE = 1 << 20;

  /** Looking takes time and makes garbage; short runs are not looked at one by one. */
  private static final long LOOK_NANOS = 10_000_000L;

  /** For how long the compiler has to be nearly idle. */
  private static final long IDLE_NANOS = 500_000_000L;

  private static final double NEARLY_IDLE = 0.1;

  private static final long PATIENCE_NANOS = 20_000_000_000L;

  private static final CompilationMXBean COMPILER = ManagementFactory.getCompilationMXBean();

  /** Of this process. */
  static final WarmUp HERE =
      new WarmUp(ResidentMemory::bytes, COMPILER::getTotalCompilationTime, System::nanoTime);

  /**
   * Runs until it has taken no new memory for five looks or two seconds and the compiler was at
   * work for less than a tenth of half a second; twenty seconds at most.
   */
  void settle(Runnable run) {
    long start = nanos.getAsLong();
    long grown = start;
    long most = residentBytes.getAsLong();
    int steady = 0;
    long window = start;
    long compiled = compilingMillis.getAsLong();
    boolean idle = false;
    long now = start;
    while (now - start < PATIENCE_NANOS
        && !(idle && (steady >= STEADY_LOOKS || now - grown >= STEADY_NANOS))) {
      long look = now;
      do {
        run.run();
        now = nanos.getAsLong();
      } while (now - look < LOOK_NANOS);
      long bytes = residentBytes.getAsLong();
      steady++;
      if (bytes > most + MEBIBYTE) {
        most = bytes;
        grown = now;
        steady = 0;
      }
      if (now - window >= IDLE_NANOS) {
        long compiling = compilingMillis.getAsLong() - compiled;
        idle = compiling * 1e6 < NEARLY_IDLE * (now - window);
        window = now;
        compiled += compiling;
      }
    }
  }
}
