package dev.adjoint.spi;

import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * What computes: families of kernels that write only where they are told, and raw memory. A backend
 * knows views, never tensors, graphs or scopes; callers have checked shapes, dtypes and ranges and
 * keep the memory alive. Methods may be called from any thread.
 */
public interface Backend
    extends ElementwiseKernels,
        ReductionKernels,
        GemmKernels,
        NormKernels,
        LossKernels,
        AttentionKernels,
        IndexKernels,
        RandomKernels,
        OptimizerKernels {
  /** A line for people: name, variant, threads. */
  String description();

  /** Fresh memory, 64-byte aligned, contents undefined; null if the device has no more. */
  @org.jspecify.annotations.Nullable
  Memory allocate(long bytes);

  /** Gives back what {@link #allocate} returned. */
  void free(Memory memory);

  /** How many bytes this device may hold at most by default. */
  long memoryBudget();

  /** Copies a contiguous view to host memory, after all work on it is done. */
  void download(View contiguous, MemorySegment target);

  /** Copies host memory to a contiguous view. */
  void upload(MemorySegment source, View contiguous);

  /** Makes calls of this backend into one unit that can run again and again. */
  Replay compile(List<KernelCall> calls);
}
