package dev.adjoint.nativecpu;

import dev.adjoint.TensorException;
import dev.adjoint.spi.Settings;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The base library, one for all variants: which of them run here, threads, memory, replay. */
final class NativeRuntime {
  /** The number of threads that kernels use; by default as many as the JVM counts processors. */
  static final String THREADS_PROPERTY = "adjoint.threads";

  /** {@code ADJ_MAX_THREADS} in runtime.h. */
  private static final int MAX_THREADS = 1024;

  private static final String BASE = "libadjoint_base.so";

  private final LibrarySource source;
  private final NativeLibrary base;
  private final List<Variant> variants;
  private final HostMemory memory;
  private final MemorySegment runner;
  private final MemorySegment replay;
  private final MemorySegment poolThreads;
  private final MemorySegment poolPing;

  /**
   * Loads the base library and starts its threads.
   *
   * @throws TensorException if there is none, or it does not fit this jar
   */
  NativeRuntime(LibrarySource source) {
    this.source = source;
    long wanted =
        Settings.count(
            THREADS_PROPERTY,
            Runtime.getRuntime().availableProcessors(),
            "a number of threads, 1 … " + MAX_THREADS);
    base = source.open(BASE, "adj_abi_version").asNeededByOthers();
    variants = Variant.parse(Downcalls.text(base.function("adj_probe")));
    memory = new HostMemory(base);
    runner = base.function("adj_run");
    replay = base.function("adj_replay");
    poolThreads = base.function("adj_pool_threads");
    poolPing = base.function("adj_pool_ping");
    Downcalls.poolStart(base.function("adj_pool_start"), (int) Math.min(wanted, MAX_THREADS));
    String shortage = shortage(wanted, threads());
    if (shortage != null) {
      System.getLogger("dev.adjoint").log(System.Logger.Level.WARNING, shortage);
    }
  }

  /** What is to be said where there are fewer threads than were asked for. */
  static @Nullable String shortage(long wanted, int threads) {
    return threads >= wanted
        ? null
        : "cpu: "
            + wanted
            + " threads were asked for, kernels use "
            + threads
            + (threads == MAX_THREADS
                ? ": that is the most"
                : ": the system does not let more start");
  }

  /** Every variant that exists, the best one last. */
  List<Variant> variants() {
    return variants;
  }

  /** Whether this machine can run a variant and its library is there. */
  boolean isUsable(Variant variant) {
    return variant.lacks() == null && source.has(variant.fileName());
  }

  /**
   * Loads the kernels of a variant.
   *
   * @throws TensorException if this machine cannot run it, or its library is missing or does not
   *     fit
   */
  KernelLibrary open(String name) {
    Variant variant =
        variants.stream()
            .filter(v -> v.name().equals(name))
            .findFirst()
            .orElseThrow(
                () ->
                    NativeLibrary.unusable(
                        "there is no variant '"
                            + name
                            + "' for this processor, only "
                            + String.join(", ", variants.stream().map(Variant::name).toList())));
    if (variant.lacks() != null) {
      throw NativeLibrary.unusable(
          "this machine cannot run the variant " + name + ": " + variant.lacks());
    }
    NativeLibrary library = source.open(variant.fileName(), "adj_variant_abi_version");
    return new KernelLibrary(name, library, runner);
  }

  /**
   * The best variant that this machine can run and whose library is there.
   *
   * @throws TensorException if there is none
   */
  String best() {
    return variants.reversed().stream()
        .filter(this::isUsable)
        .findFirst()
        .map(Variant::name)
        .orElseThrow(
            () ->
                NativeLibrary.unusable(
                    "no library of kernels in " + source.place() + " runs on this machine"));
  }

  LibrarySource source() {
    return source;
  }

  /** Where the base library was loaded from. */
  String basePlace() {
    return base.place();
  }

  /** {@code adj_parallel_for}, which the kernels call. */
  MemorySegment poolAddress() {
    return base.function("adj_parallel_for");
  }

  HostMemory memory() {
    return memory;
  }

  /** How many threads kernels use, the calling one included. */
  int threads() {
    return Downcalls.number(poolThreads);
  }

  /** {@link #threads} as a critical call. */
  int threadsBriefly() {
    return Downcalls.briefNumber(poolThreads);
  }

  /** Runs one parallel region with nothing in it. */
  void emptyRegion() {
    Downcalls.poolPing(poolPing, 1);
  }

  /** {@code adj_replay}. */
  MemorySegment replay() {
    return replay;
  }
}
