package dev.adjoint.ops;

import dev.adjoint.DType;
import dev.adjoint.Precision;
import dev.adjoint.Scope;
import dev.adjoint.Tensor;
import dev.adjoint.internal.Check;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Operations on F16 and BF16: the inputs are widened to F32, which is exact, the operation runs
 * there, and its result is rounded, once. Gradients take the same way back.
 */
final class Halves {
  private Halves() {}

  /**
   * An operation in terms of itself on F32.
   *
   * @param x of 16 bits; decides the type of the result, if that is floating
   * @param others of the same type, or null
   */
  static Tensor widened(
      String op, Function<Tensor[], Tensor> operation, Tensor x, @Nullable Tensor... others) {
    DType type = x.dtype();
    // The factors of products are what they are: rounding BF16 to BF16 changes nothing.
    Precision precision = type == DType.BF16 ? Precision.BF16 : Precision.F32;
    return Scope.tidy(
        () -> {
          Tensor[] wide = new Tensor[1 + others.length]; // null where there is no input
          wide[0] = Cast.to(x, DType.F32);
          for (int i = 0; i < others.length; i++) {
            Tensor other = others[i];
            if (other != null) {
              Check.alike(op, x, other);
              wide[i + 1] = Cast.to(other, DType.F32);
            }
          }
          try (var _ = precision.use()) {
            Tensor result = operation.apply(wide);
            return result.dtype().isFloating() ? Cast.to(result, type) : result;
          }
        });
  }
}
