package dev.adjoint.autograd;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.adjoint.DType;
import dev.adjoint.Device;
import dev.adjoint.Generator;
import dev.adjoint.Scope;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.ops.Random;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;

/**
 * What makes reverse mode reverse mode: the vector-Jacobian product is the adjoint of the
 * Jacobian-vector product, ⟨J v, w⟩ = ⟨v, Jᵀ w⟩, for any shape and any operation.
 */
final class AdjointPropertyTest {
  private static final Map<String, UnaryOperator<Tensor>> OPERATIONS =
      Map.ofEntries(
          Map.entry("silu", Tensor::silu),
          Map.entry("gelu", Tensor::gelu),
          Map.entry("softmax", x -> x.softmax(-1)),
          Map.entry("logSoftmax", x -> x.logSoftmax(0)),
          Map.entry("layerNorm", x -> x.layerNorm(null, null, 1e-5)),
          Map.entry("rmsNorm", x -> x.rmsNorm(null, 1e-5)),
          Map.entry("mean", x -> x.mean(true, 0)),
          Map.entry("broadcast", x -> x.add(x.sum(true, -1)).mul(x)),
          Map.entry("matmul", x -> x.matmul(x.t())),
          Map.entry("views", x -> x.t().slice(0, 0, 1).expand(3, x.size(0))));

  @Property(tries = 60)
  void productsAreAdjoint(
      @ForAll @Size(2) List<@IntRange(min = 1, max = 6) Integer> sizes, @ForAll int seed) {
    Shape shape = Shape.of(sizes.get(0), sizes.get(1));
    OPERATIONS.forEach(
        (name, operation) -> {
          try (var _ = Scope.open();
              Generator random = new Generator(Device.REFERENCE, seed)) {
            Tensor x = normal(shape, random).requiresGrad_(true);
            Tensor v = normal(shape, random);
            Tensor y = operation.apply(x);
            Tensor w = normal(y.shape(), random);
            Tensor forward = Gradients.jvp(operation, x.detach(), v);
            Tensor backward = Gradients.grad(y, List.of(x), w, false, false).get(0);
            double left = forward.mul(w).sum().item();
            double right = backward.mul(v).sum().item();
            assertEquals(left, right, 1e-10 * Math.max(1, Math.abs(left)), name + " " + shape);
          }
        });
  }

  private static Tensor normal(Shape shape, Generator random) {
    return Random.normal(shape, 0, 1, DType.F64, Device.REFERENCE, random);
  }
}
