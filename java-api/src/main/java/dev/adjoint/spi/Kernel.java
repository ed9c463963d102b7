package dev.adjoint.spi;

import dev.adjoint.DType;
import java.util.Set;
import java.util.stream.Stream;

/**
 * What a backend is asked to compute: one record for each kernel, with its operands and parameters.
 * The reference backend says what each of them means; compiled backends hand {@link #words} to the
 * function {@link #symbol}.
 *
 * <p>Records come from {@code kernels.h}: their components have the names of their struct's fields
 * and stand in the same order. Fields that have no component follow from the views (sizes, strides,
 * loops). Callers have checked shapes, dtypes and ranges.
 */
public sealed interface Kernel
    permits ElementwiseKernels,
        ReductionKernels,
        Gemm,
        NormKernels,
        LossKernels,
        AttentionKernels,
        IndexKernels,
        RandomKernels,
        OptimizerKernels {

  /** The kernel's name with the element type, and what scratch it needs. */
  Symbol symbol();

  /**
   * The argument block: 8-byte words, in the order of the struct of {@code kernels.h}; 0 for
   * scratch. C and CUDA kernels take the same block.
   */
  long[] words();

  /**
   * How many elements it visits, about: small kernels are called in a cheaper way. {@link
   * Long#MAX_VALUE} where the work is not in proportion to the elements.
   */
  long elements();

  /**
   * The symbols of all kernels but matrix products and attention, which backends cut into functions
   * in their own ways.
   *
   * @param floating the floating types that a backend computes
   */
  static Stream<Symbol> symbols(Set<DType> floating) {
    return Stream.of(
            ElementwiseKernels.names(),
            ReductionKernels.names(),
            NormKernels.names(),
            LossKernels.names(),
            IndexKernels.names(),
            RandomKernels.names(),
            OptimizerKernels.names())
        .flatMap(names -> names)
        .flatMap(symbols -> symbols.all(floating));
  }
}
