package dev.adjoint.nativecpu;

import dev.adjoint.TensorException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The base library, one for all variants: which of them run here, threads, memory, replay. */
final class NativeRuntime {
  /** The number of threads that kernels use; by default as many as the JVM counts processors. */
  static final String THREADS_PROPERTY = "adjoint.threads";

  private static final String BASE = "libadjoint_base.so";

  private final LibrarySource source;
  private final NativeLibrary base;
  private final List<Variant> variants;
  private final HostMemory memory;
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
    Path path = locate(BASE);
    if (path == null) {
      throw NativeLibrary.unusable("there is no " + BASE + " in " + source.place());
    }
    base = NativeLibrary.open(path, "adj_abi_version");
    variants = Variant.parse(Downcalls.text(base.function("adj_probe")));
    memory = new HostMemory(base);
    replay = base.function("adj_replay");
    poolThreads = base.function("adj_pool_threads");
    poolPing = base.function("adj_pool_ping");
    Downcalls.poolStart(base.function("adj_pool_start"), wantedThreads());
  }

  private static int wantedThreads() {
    String text = System.getProperty(THREADS_PROPERTY, "");
    if (text.isEmpty()) {
      return Runtime.getRuntime().availableProcessors();
    }
    int threads;
    try {
      threads = Integer.parseInt(text);
    } catch (NumberFormatException e) {
      threads = 0;
    }
    if (threads < 1) {
      throw new TensorException(
          "cpu: -D" + THREADS_PROPERTY + "=" + text + " is not a number of threads, 1 or more");
    }
    return threads;
  }

  private @Nullable Path locate(String fileName) {
    try {
      return source.find(fileName);
    } catch (IOException e) {
      throw NativeLibrary.unusable(
          "the library " + fileName + " cannot be taken from " + source.place() + ": " + e, e);
    }
  }

  /** Every variant that exists, the best one last. */
  List<Variant> variants() {
    return variants;
  }

  /** Whether this machine can run a variant and its library is there. */
  boolean isUsable(Variant variant) {
    return variant.lacks() == null && locate(variant.fileName()) != null;
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
    Path path = locate(variant.fileName());
    if (path == null) {
      throw NativeLibrary.unusable("there is no " + variant.fileName() + " in " + source.place());
    }
    return new KernelLibrary(name, NativeLibrary.open(path, "adj_variant_abi_version"));
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

  Path basePath() {
    return base.path();
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
