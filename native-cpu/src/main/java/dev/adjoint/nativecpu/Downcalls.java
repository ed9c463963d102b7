package dev.adjoint.nativecpu;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * Every crossing into C: one handle for each signature, with the function's address as the first
 * argument, so that a new kernel needs nothing here. Kernels take an argument block; whether it
 * lies on the Java heap or outside decides which handle may run it.
 */
@SuppressWarnings("restricted") // this module exists to call native code
final class Downcalls {
  private static final Linker LINKER = Linker.nativeLinker();

  private static final MethodHandle RUN = handle(JAVA_INT, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle REPLAY = handle(JAVA_LONG, ADDRESS, JAVA_LONG);
  private static final MethodHandle LONG_TO_LONG = handle(JAVA_LONG, JAVA_LONG);
  private static final MethodHandle TO_INT = handle(JAVA_INT);
  private static final MethodHandle TO_ADDRESS =
      handle(
          ADDRESS.withTargetLayout(
              MemoryLayout.sequenceLayout(Long.MAX_VALUE, ValueLayout.JAVA_BYTE)));
  private static final MethodHandle OF_LONG =
      LINKER.downcallHandle(FunctionDescriptor.ofVoid(JAVA_LONG));
  private static final MethodHandle POOL_START =
      LINKER.downcallHandle(FunctionDescriptor.ofVoid(JAVA_INT));

  // Critical calls skip the change of thread state and may read the heap: a third of the time, and
  // no copy of the arguments. But no collection can begin while one runs.
  private static final MethodHandle BRIEF_RUN =
      handle(JAVA_INT, new MemoryLayout[] {JAVA_LONG, ADDRESS}, Linker.Option.critical(true));
  private static final MethodHandle BRIEF_QUERY =
      handle(JAVA_LONG, new MemoryLayout[] {ADDRESS}, Linker.Option.critical(true));
  private static final MethodHandle BRIEF_TO_INT =
      handle(JAVA_INT, new MemoryLayout[0], Linker.Option.critical(false));

  private Downcalls() {}

  private static MethodHandle handle(MemoryLayout result, MemoryLayout... arguments) {
    return handle(result, arguments, new Linker.Option[0]);
  }

  private static MethodHandle handle(
      MemoryLayout result, MemoryLayout[] arguments, Linker.Option... options) {
    return LINKER.downcallHandle(FunctionDescriptor.of(result, arguments), options);
  }

  /** {@code adj_run}: a kernel on the block at an address; its status. */
  static int run(MemorySegment function, long kernel, long arguments) {
    try {
      return (int) RUN.invokeExact(function, kernel, arguments);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** {@code adj_run} for a kernel that is done within about 10 µs; its status. */
  static int briefRun(MemorySegment function, long kernel, long[] arguments) {
    try {
      return (int) BRIEF_RUN.invokeExact(function, kernel, MemorySegment.ofArray(arguments));
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** Asks a function of an argument block that only computes: {@code adj_…_scratch_bytes_…}. */
  static long query(MemorySegment function, long[] arguments) {
    try {
      return (long) BRIEF_QUERY.invokeExact(function, MemorySegment.ofArray(arguments));
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** {@code adj_replay}. The segment, not its address: its arena cannot be closed meanwhile. */
  static long replay(MemorySegment function, MemorySegment calls, long count) {
    try {
      return (long) REPLAY.invokeExact(function, calls, count);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** {@code adj_alloc}: an address, 0 if there is no memory. */
  static long alloc(MemorySegment function, long bytes) {
    try {
      return (long) LONG_TO_LONG.invokeExact(function, bytes);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** {@code adj_free}. */
  static void free(MemorySegment function, long address) {
    try {
      OF_LONG.invokeExact(function, address);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** {@code adj_free} as a handle that takes an address. */
  static MethodHandle free(MemorySegment function) {
    return OF_LONG.bindTo(function);
  }

  /** {@code adj_pool_start}. */
  static void poolStart(MemorySegment function, int threads) {
    try {
      POOL_START.invokeExact(function, threads);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** {@code adj_pool_ping}. */
  static void poolPing(MemorySegment function, long times) {
    try {
      OF_LONG.invokeExact(function, times);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** {@link #number} as a critical call: for measuring the difference. */
  static int briefNumber(MemorySegment function) {
    try {
      return (int) BRIEF_TO_INT.invokeExact(function);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** {@code adj_abi_version}, {@code adj_pool_threads}. */
  static int number(MemorySegment function) {
    try {
      return (int) TO_INT.invokeExact(function);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** {@code adj_probe}: a static string. */
  static String text(MemorySegment function) {
    try {
      return ((MemorySegment) TO_ADDRESS.invokeExact(function)).getString(0);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** What a handle threw, which no handle does. */
  static RuntimeException unexpected(Throwable e) {
    if (e instanceof Error error) {
      throw error;
    }
    return e instanceof RuntimeException runtime ? runtime : new IllegalStateException(e);
  }
}
