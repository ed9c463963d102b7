package dev.adjoint.spi;

import dev.adjoint.DType;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What computes: kernels that write only where they are told, and raw memory. A backend knows
 * views, never tensors, graphs or scopes; callers have checked shapes, dtypes and ranges and keep
 * the memory alive. Methods may be called from any thread.
 */
public interface Backend {
  /** A line for people: name, variant, threads. */
  String description();

  /**
   * Whether kernels of a kind take this floating type: F32 and F64 always, others where this says
   * so. What only moves elements (where, copy, cast, fill, gather) takes every type, and what says
   * "F32 or F64" never another one.
   *
   * <p>BF16 is a type of memory: values are widened when they are read, and computed in F32;
   * results are those of F32, rounded once more when they are written. What is not one value for
   * each of an operand's elements (weights and statistics of rows, and their gradients) is F32
   * beside BF16. For {@link Gemm} the type is that of all of a product; it says itself which types
   * it mixes.
   */
  boolean has(Class<? extends Kernel> kind, DType floating);

  /**
   * A kernel on its operands, ready to run.
   *
   * @param scratch where it takes working memory from, now
   */
  KernelCall call(Kernel kernel, Scratch scratch);

  /** Fresh memory, 64-byte aligned, contents undefined; null if the device has no more. */
  @Nullable Memory allocate(long bytes);

  /**
   * Where rows of matrices should begin: at multiples of so many bytes, a power of two. To that end
   * the library leaves gaps between the rows of what it makes for itself, and products will read.
   */
  default int rowAlignment() {
    return 1;
  }

  /** Gives back what {@link #allocate} returned. */
  void free(Memory memory);

  /** How many bytes this device may hold at most, alone or with others of the same memory. */
  long memoryBudget();

  /**
   * Whose memory this is. Backends with the same owner share one budget, that of the one that was
   * opened first.
   */
  default Object memoryOwner() {
    return this;
  }

  /**
   * Whether calls return before their kernels have run. Such a backend skips the rows of indices
   * out of range, does the others, and throws {@link KernelStatusException} when it next waits: at
   * {@link #synchronize} or {@link #download}.
   */
  default boolean isAsynchronous() {
    return false;
  }

  /**
   * Waits until all work is done.
   *
   * @throws KernelStatusException if a kernel refused an index since the last time
   */
  default void synchronize() {}

  /**
   * Copies a contiguous view to host memory, after all work on it is done; throws as {@link
   * #synchronize}.
   */
  void download(View contiguous, MemorySegment target);

  /** Copies host memory, which may change as soon as this returns, to a contiguous view. */
  void upload(MemorySegment source, View contiguous);

  /** Makes calls of this backend into one unit that can run again and again. */
  Replay compile(List<KernelCall> calls);
}
