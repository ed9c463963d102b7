package dev.adjoint.ops;

import dev.adjoint.Tensor;
import dev.adjoint.graph.BackwardPass;
import dev.adjoint.graph.Graph;
import dev.adjoint.graph.Saves;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Gradients by way of an operation's definition, a composition of other operations. */
final class Composed {
  private Composed() {}

  /**
   * The vector-Jacobian product of a fused operation when gradients of gradients are wanted: that
   * of its composed definition, on the saved inputs (null entries are inputs it did not have), in
   * the type that theirs is computed in.
   */
  static @Nullable Tensor[] vjp(
      Tensor grad, @Nullable Tensor[] inputs, Saves saves, Function<Tensor[], Tensor> composed) {
    Tensor[] own = new Tensor[inputs.length];
    Tensor[] wide = new Tensor[inputs.length];
    List<Tensor> asked = new ArrayList<>();
    for (int i = 0; i < inputs.length; i++) {
      Tensor input = inputs[i];
      if (input != null) {
        own[i] = Graph.identity(input);
        wide[i] = Cast.to(own[i], input.dtype().widened());
        if (saves.needs(i)) {
          asked.add(own[i]);
        }
      }
    }
    Tensor result = Cast.to(composed.apply(wide), grad.dtype());
    List<@Nullable Tensor> grads =
        BackwardPass.gradients(List.of(result), List.of(grad), asked, true, true);
    @Nullable Tensor[] wanted = new Tensor[inputs.length];
    for (int i = 0, k = 0; i < inputs.length; i++) {
      if (saves.needs(i)) {
        wanted[i] = grads.get(k++);
      }
    }
    return wanted;
  }
}
