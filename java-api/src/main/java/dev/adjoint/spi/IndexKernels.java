package dev.adjoint.spi;

/**
 * Rows of tables by index. An index out of range has status {@link
 * KernelStatusException#INDEX_OUT_OF_RANGE}, before any write; of an {@linkplain
 * Backend#isAsynchronous asynchronous} backend only the rows with such indices stay as they were.
 */
public interface IndexKernels {
  /**
   * {@code out[i] = table[indices[i]]}, indices in [0, V).
   *
   * @param table contiguous [V, D], any dtype
   * @param indices contiguous I64 [n]
   * @param out contiguous [n, D]
   */
  KernelCall gather(View table, View indices, View out);

  /**
   * {@code out[indices[i]] += x[i]}, in the order of i whatever the thread count (deterministic).
   *
   * @param x contiguous [n, D], F32 or F64
   * @param indices contiguous I64 [n]
   * @param out contiguous [V, D]
   */
  KernelCall scatterAdd(View x, View indices, View out);
}
