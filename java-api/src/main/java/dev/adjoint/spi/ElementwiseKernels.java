package dev.adjoint.spi;

/**
 * Element by element. All views of a call have one shape (broadcast by stride 0); outputs never
 * repeat elements. An output may be the very view that is an input, never an overlapping other one.
 */
public interface ElementwiseKernels {
  /** {@code out = kernel(x)}; one floating type. */
  KernelCall unary(UnaryKernel kernel, View x, View out);

  /**
   * {@code out = grad · kernel'(…)}, where {@code saved} is what {@code kernel.saves()} names; F32
   * or F64 if that is the output, which must not have been rounded to less.
   */
  KernelCall unaryGrad(UnaryKernel kernel, View grad, View saved, View out);

  /** {@code out = kernel(a, b)}; out is BOOL for comparisons. */
  KernelCall binary(BinaryKernel kernel, View a, View b, View out);

  /**
   * {@code out = kernel(a, scalar)}, or {@code kernel(scalar, a)} if {@code scalarFirst}; the
   * scalar is first converted to a's dtype, for BF16 to F32.
   */
  KernelCall binaryScalar(
      BinaryKernel kernel, View a, double scalar, boolean scalarFirst, View out);

  /** {@code out = condition ? a : b}; condition is BOOL. Every dtype. */
  KernelCall where(View condition, View a, View b, View out);

  /** {@code out = x} of the same dtype, any strides. Every dtype. */
  KernelCall copy(View x, View out);

  /** {@code out = (out's dtype) x}; to BOOL: x ≠ 0; floating to integer truncates toward 0. */
  KernelCall cast(View x, View out);

  /** Every element of {@code out} = value. Every dtype. */
  KernelCall fill(View out, double value);
}
