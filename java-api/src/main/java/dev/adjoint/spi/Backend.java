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
   * Whether this backend has the kernels of a kind for a floating type. All have F32 and F64.
   * Copies, casts, fills, choices and gathers exist for every type without asking; kernels
   * documented as "F32 or F64" exist for no other.
   *
   * <p>BF16 is a storage type: kernels read it as F32, compute in F32, and round the result once
   * more when they store it. Per-row values beside a BF16 matrix (weights, biases, statistics, and
   * their gradients) are F32. For {@link Gemm} the question is about products all of whose operands
   * have this type; that record says which types may be mixed.
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
   * The alignment in bytes, a power of two, at which products read rows fastest. The library pads
   * the rows of large results that products will read to multiples of it.
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
