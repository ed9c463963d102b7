package dev.adjoint.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.Expect;
import dev.adjoint.Reference;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(Reference.class)
class ContainersTest {
  @Test
  void aListNamesItsModulesByNumber() {
    List<Linear> layers = new ArrayList<>(List.of(new Linear(2, 3), new Linear(3, 1, false)));
    try (ModuleList<Linear> list = new ModuleList<>(layers)) {
      layers.clear(); // the list does not change any more
      assertEquals(
          List.of("0.weight", "0.bias", "1.weight"), List.copyOf(list.namedParameters().keySet()));
      assertEquals(2, list.size());
      Tensor x = Tensor.ones(4, 2);
      for (Linear layer : list) {
        x = layer.apply(x);
      }
      Expect.shape(x, 4, 1);
      assertEquals(3, list.get(1).weight().size(1));
      assertThrows(IndexOutOfBoundsException.class, () -> list.get(2));
      list.eval();
      assertFalse(list.get(0).isTraining());
    }
  }

  @Test
  void aMapNamesItsModulesByKeyInOrder() {
    Map<String, Linear> heads = new LinkedHashMap<>();
    heads.put("policy", new Linear(2, 3));
    heads.put("a value", new Linear(2, 1));
    try (ModuleDict<Linear> dict = new ModuleDict<>(heads)) {
      heads.clear();
      assertEquals(
          List.of("policy.weight", "policy.bias", "a value.weight", "a value.bias"),
          List.copyOf(dict.namedParameters().keySet()));
      Expect.shape(dict.get("policy").apply(Tensor.ones(4, 2)), 4, 3);
      assertEquals(List.of("policy", "a value"), List.copyOf(dict.asMap().keySet()));
      Expect.failure(
          TensorException.class, () -> dict.get("polcy"), "'polcy'", "[policy, a value]");
    }
  }

  @Test
  void aMapRefusesNamesThatNoStateCanHave() {
    try (Linear linear = new Linear(1, 1)) {
      Expect.failure(
          TensorException.class, () -> new ModuleDict<>(Map.of("a.b", linear)), "'a.b'", "dot");
    }
  }

  /** Containers of modules that are called in other ways than with one tensor. */
  @Test
  void containersTakeModulesOfAnySignature() {
    final class Sum extends NeuralModule {
      private final Linear left = module("left", new Linear(2, 2));

      private Tensor apply(Tensor a, Tensor b) {
        return left.apply(a).add(b);
      }
    }

    try (ModuleList<Sum> list = new ModuleList<>(List.of(new Sum(), new Sum()))) {
      Tensor x = Tensor.ones(1, 2);
      for (Sum sum : list) {
        x = sum.apply(x, x);
      }
      x.sum().backward();
      assertTrue(list.parameters().stream().allMatch(p -> p.grad() != null));
    }
  }
}
