package dev.adjoint.nn;

import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.Adjoint;
import dev.adjoint.DType;
import dev.adjoint.Device;
import dev.adjoint.Expect;
import dev.adjoint.Reference;
import dev.adjoint.Scope;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.function.Executable;

@ExtendWith(Reference.class)
class NeuralModuleTest {
  private static final class Mlp extends Layer {
    private final Linear hidden = module("hidden", new Linear(2, 3));
    private final Linear output = module("output", new Linear(3, 1));

    private Mlp() {
      buffer("steps", Tensor.full(Shape.scalar(), 7, DType.I64, Adjoint.defaultDevice()));
    }

    @Override
    public Tensor forward(Tensor x) {
      return output.apply(hidden.apply(x).gelu());
    }
  }

  /** Two names for one weight. */
  private static final class Tied extends Layer {
    private final Linear first = module("first", new Linear(2, 2, false));

    private Tied() {
      parameter("second", first.weight());
    }

    @Override
    public Tensor forward(Tensor x) {
      return first.apply(x).linear(first.weight(), null);
    }
  }

  @Test
  void parametersHaveDottedNamesInOrder() {
    try (Mlp mlp = new Mlp()) {
      assertEquals(
          List.of("hidden.weight", "hidden.bias", "output.weight", "output.bias"),
          List.copyOf(mlp.namedParameters().keySet()));
      assertEquals(2 * 3 + 3 + 3 + 1, mlp.numParameters());
      assertTrue(mlp.parameters().stream().allMatch(Tensor::requiresGrad));
      assertTrue(mlp.stateDict().containsKey("steps"));
    }
  }

  @Test
  void tiedParametersCountOnce() {
    try (Tied tied = new Tied()) {
      assertEquals(List.of("second"), List.copyOf(tied.namedParameters().keySet()));
      assertEquals(4, tied.numParameters());
    }
  }

  @Test
  void parametersOutliveTheScopeTheyWereBornIn() {
    Mlp mlp;
    try (var _ = Scope.open()) {
      mlp = new Mlp();
    }
    try (mlp) {
      assertEquals(Shape.of(4, 1), mlp.apply(Tensor.ones(4, 2)).shape());
    }
    assertTrue(mlp.parameters().stream().allMatch(Tensor::isClosed));
  }

  @Test
  void applyKeepsNothingButTheResultWithoutAGraph() {
    try (Mlp mlp = new Mlp();
        Tensor x = Tensor.ones(4, 2)) {
      mlp.parameters().forEach(p -> p.requiresGrad_(false));
      long before = Adjoint.memory(Device.REFERENCE).liveStorages();
      mlp.apply(x);
      assertEquals(before + 1, Adjoint.memory(Device.REFERENCE).liveStorages());
    }
  }

  @Test
  void zeroGradDropsGradients() {
    try (Mlp mlp = new Mlp()) {
      mlp.apply(Tensor.ones(4, 2)).sum().backward();
      assertTrue(mlp.parameters().stream().allMatch(p -> p.grad() != null));
      mlp.zeroGrad();
      assertTrue(mlp.parameters().stream().allMatch(p -> p.grad() == null));
    }
  }

  @Test
  void stateGoesFromOneModuleToAnother() {
    try (Mlp from = new Mlp();
        Mlp to = new Mlp()) {
      to.loadStateDict(from.stateDict());
      Tensor x = Tensor.randn(5, 2);
      assertArrayEquals(from.apply(x).toFloatArray(), to.apply(x).toFloatArray());
      assertTrue(to.parameters().stream().allMatch(Tensor::requiresGrad));
    }
  }

  @Test
  void loadingNamesEveryMisfitAndChangesNothing() {
    try (Mlp mlp = new Mlp()) {
      Map<String, Tensor> state = new LinkedHashMap<>(mlp.stateDict());
      state.put("hidden.weight", Tensor.zeros(3, 2));
      state.remove("hidden.bias");
      state.remove("output.bias");
      state.put("output.weight", Tensor.zeros(3, 1));
      state.put("steps", Tensor.zeros());
      state.put("extra", Tensor.zeros(1));
      Tensor weight = mlp.hidden.weight();
      double before = weight.get(0, 0);
      assertEquals(
          "loadStateDict: the state does not fit Mlp; missing: hidden.bias, output.bias; unexpected:"
              + " 'extra'; of another shape or type: output.weight is F32 [1, 3], given F32 [3, 1],"
              + " steps is I64 [], given F32 []",
          assertThrows(TensorException.class, () -> mlp.loadStateDict(state)).getMessage());
      assertEquals(before, weight.get(0, 0));
    }
  }

  @Test
  void aLoadThatFailsMidwayChangesNothing() {
    try (Mlp mlp = new Mlp()) {
      Map<String, Tensor> state = new LinkedHashMap<>();
      mlp.stateDict().forEach((name, tensor) -> state.put(name, tensor.add(1)));
      requireNonNull(state.get("output.bias")).close();
      float[] before = mlp.hidden.weight().toFloatArray();
      assertThrows(TensorException.class, () -> mlp.loadStateDict(state));
      assertArrayEquals(before, mlp.hidden.weight().toFloatArray());
    }
  }

  /** A state for something else may have any number of names, of any length. */
  @Test
  void whatALoadSaysIsBounded() {
    try (Mlp mlp = new Mlp()) {
      Map<String, Tensor> state = new LinkedHashMap<>(mlp.stateDict());
      for (int i = 0; i < 1000; i++) {
        state.put("\n".repeat(1000) + i, Tensor.zeros());
      }
      String message =
          assertThrows(TensorException.class, () -> mlp.loadStateDict(state)).toString();
      assertTrue(message.endsWith(" and 980 more"), message);
      assertTrue(message.length() < 20_000 && message.indexOf('\n') < 0, message);
    }
  }

  @Test
  void modesReachTheWholeTree() {
    Dropout dropout = new Dropout(0.5);
    Sequential tree = new Sequential(new Sequential(dropout));
    Tensor x = Tensor.ones(1000);
    assertTrue(tree.apply(x).eq(0).to(DType.F32).sum().item() > 0);
    tree.eval();
    assertFalse(dropout.isTraining());
    assertArrayEquals(x.toFloatArray(), tree.apply(x).toFloatArray());
    tree.train();
    assertTrue(dropout.isTraining());
  }

  @Test
  void namesAreChecked() {
    assertThrows(
        TensorException.class,
        () ->
            new Layer() {
              {
                parameter("a.b", Tensor.zeros(1));
              }

              @Override
              public Tensor forward(Tensor x) {
                return x;
              }
            });
    assertThrows(
        TensorException.class,
        () ->
            new Layer() {
              {
                module("a", Activation.relu());
                module("a", Activation.relu());
              }

              @Override
              public Tensor forward(Tensor x) {
                return x;
              }
            });
  }

  @Test
  void printsAsATree() {
    try (Sequential model = new Sequential(new Residual(new Linear(2, 2)), Activation.relu())) {
      assertEquals(
          """
          Sequential(
            (0): Residual(
              (inner): Linear(in=2, out=2, bias=true)
            )
            (1): Activation(relu)
          )""",
          model.toString());
    }
  }

  /** A module that gets its parts later. */
  private static final class Open extends Layer {
    void add(Layer child) {
      module("child", child);
    }

    @Override
    public Tensor forward(Tensor x) {
      return x;
    }
  }

  @Test
  void modulesThatAreNestedTooDeepAreRefused() {
    try (Layer deep = nested(499);
        Tensor x = Tensor.ones(1)) {
      assertEquals(2 * 498 + 1, deep.toString().lines().count());
      assertEquals(Map.of(), deep.stateDict());
      deep.eval();
      deep.apply(x).close();
      assertTooDeep(() -> nested(500 + 1));
      assertTooDeep(() -> nested(5000));
    }
  }

  @Test
  void aModuleInsideItselfIsRefused() {
    Open self = new Open();
    self.add(self);
    assertTooDeep(self::parameters);
    assertTooDeep(self::toString);
    assertTooDeep(self::close);
    Open top = new Open();
    Open below = top;
    for (int i = 1; i < 500; i++) { // from the top down, where no registration sees the depth
      Open next = new Open();
      below.add(next);
      below = next;
    }
    top.train();
    below.add(new Open());
    assertTooDeep(top::train);
  }

  private static Layer nested(int depth) {
    Layer module = new Sequential();
    for (int i = 1; i < depth; i++) {
      module = new Sequential(module);
    }
    return module;
  }

  private static void assertTooDeep(Executable code) {
    Expect.failure(TensorException.class, code, "more than 500 deep", "Sequential");
  }

  // ---- type and device ----

  @Test
  void toAnotherTypeConvertsWhatIsFloating() {
    try (Mlp mlp = new Mlp()) {
      float[] before = mlp.hidden.weight().toFloatArray();
      Tensor old = mlp.hidden.weight();
      requireNonNull(mlp.hidden.bias()).requiresGrad_(false);
      long live = Adjoint.memory(Device.REFERENCE).liveStorages();
      try (var _ = Scope.open()) {
        mlp.to(DType.F64);
      }
      assertEquals(live, Adjoint.memory(Device.REFERENCE).liveStorages());
      assertTrue(old.isClosed());
      assertEquals(before[3], mlp.hidden.weight().get(1, 1));
      assertTrue(mlp.hidden.weight().requiresGrad() && mlp.hidden.weight().isLeaf());
      assertFalse(requireNonNull(mlp.hidden.bias()).requiresGrad());
      mlp.stateDict()
          .forEach(
              (name, tensor) ->
                  assertEquals(name.equals("steps") ? DType.I64 : DType.F64, tensor.dtype(), name));
      Tensor y = mlp.apply(Tensor.ones(4, 2).to(DType.F64));
      assertEquals(DType.F64, y.dtype());
      y.sum().backward();
      assertEquals(DType.F64, requireNonNull(mlp.output.weight().grad()).dtype());
    }
  }

  @Test
  void toTheSameTypeChangesNothing() {
    try (Mlp mlp = new Mlp()) {
      mlp.apply(Tensor.ones(4, 2)).sum().backward();
      List<Tensor> before = mlp.parameters();
      mlp.to(DType.F32);
      mlp.to(Device.REFERENCE);
      assertEquals(before, mlp.parameters());
      assertTrue(mlp.parameters().stream().allMatch(p -> p.grad() != null));
    }
  }

  @Test
  void tiedParametersStayTied() {
    try (Tied tied = new Tied()) {
      tied.to(DType.BF16);
      assertEquals(4, tied.numParameters());
      assertEquals(DType.BF16, tied.first.weight().dtype());
      assertEquals(DType.BF16, tied.apply(Tensor.ones(1, 2).to(DType.BF16)).dtype());
    }
  }

  @Test
  void aConversionThatFailsChangesNothing() {
    try (Mlp mlp = new Mlp()) {
      Expect.failure(TensorException.class, () -> mlp.to(DType.I64), "floating", "I64");
      List<Tensor> before = mlp.parameters();
      mlp.output.weight().close();
      assertThrows(TensorException.class, () -> mlp.to(DType.F64));
      assertEquals(before, mlp.parameters());
      assertFalse(mlp.hidden.weight().isClosed());
    }
  }
}
