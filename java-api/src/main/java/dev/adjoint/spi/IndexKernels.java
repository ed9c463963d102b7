package dev.adjoint.spi;

/** Rows of tables by index. */
public interface IndexKernels {
  /**
   * {@code out[i] = table[indices[i]]}. Status {@link KernelStatusException#INDEX_OUT_OF_RANGE},
   * before any write, for an index outside [0, V).
   *
   * @param table contiguous [V, D], any dtype
   * @param indices contiguous I64 [n]
   * @param out contiguous [n, D]
   */
  KernelCall gather(View table, View indices, View out);

  /**
   * {@code out[indices[i]] += x[i]}, in the order of i whatever the thread count (deterministic).
   * The same status as {@link #gather}.
   *
   * @param x contiguous [n, D], F32 or F64
   * @param indices contiguous I64 [n]
   * @param out contiguous [V, D]
   */
  KernelCall scatterAdd(View x, View indices, View out);
}
