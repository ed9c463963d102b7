package dev.adjoint.ops;

import dev.adjoint.spi.Kernel;
import dev.adjoint.spi.ElementwiseKernels.Unary;
import dev.adjoint.DType;
import dev.adjoint.Precision;
import dev.adjoint.Tensor;
import dev.adjoint.graph.Graph;
import dev.adjoint.internal.Tensors;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Operations on F16 and BF16 by way of F32: the inputs are widened, which is exact, the operation
 * runs there, and its result is rounded, once. Gradients take the same way back. Kernels that take
 * BF16 as it is do the same with each element; so it is seen in memory and time, not in values.
 */
final class Halves {
  private Halves() {}

  /** Whether operations on x must be widened, for its backend does not compute its type. */
  static boolean widens(Tensor x) {
    return widens(x, Unary.class);
  }

  /** The same for a kind of kernels that may take a type that others do not. */
  static boolean widens(Tensor x, Class<? extends Kernel> kind) {
    return x.dtype().isHalf() && !Tensors.backend(x).has(kind, x.dtype());
  }

  /**
   * Whether operations on these, of one type, are recorded in 16 bits. Where a gradient is made in
   * several steps, or from a result, they are widened then: else each step would be rounded.
   */
  static boolean records(Tensor... inputs) {
    return inputs[0].dtype().isHalf() && Graph.records(inputs);
  }

  /** x in the type that its own is computed in. */
  static Tensor wide(Tensor x) {
    return Cast.to(x, x.dtype().widened());
  }

  /**
   * An operation in terms of itself on F32.
   *
   * @param x of 16 bits; decides the type of the result, if that is floating
   * @param others of the same type or F32, or null
   */
  static Tensor widened(
      Function<Tensor[], Tensor> operation, Tensor x, @Nullable Tensor... others) {
    DType type = x.dtype();
    // The factors of products are what they are: rounding BF16 to BF16 changes nothing.
    Precision precision = type == DType.BF16 ? Precision.BF16 : Precision.F32;
    return Tensors.tidy(
        () -> {
          Tensor[] wide = new Tensor[1 + others.length]; // null where there is no input
          wide[0] = wide(x);
          for (int i = 0; i < others.length; i++) {
            Tensor other = others[i];
            if (other != null) {
              wide[i + 1] = wide(other);
            }
          }
          try (var _ = precision.use()) {
            Tensor result = operation.apply(wide);
            return result.dtype().isFloating() ? Cast.to(result, type) : result;
          }
        });
  }
}
