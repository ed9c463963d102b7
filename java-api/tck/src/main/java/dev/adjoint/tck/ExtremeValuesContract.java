package dev.adjoint.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.adjoint.Adjoint;
import dev.adjoint.DType;
import dev.adjoint.Device;
import dev.adjoint.Scope;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import dev.adjoint.autograd.Gradients;
import dev.adjoint.ops.MatMul;
import dev.adjoint.tck.Op.Input;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * What operations must do at the ends of the number range and with dimensions of size 0 and 1.
 * Values and gradients of F32 are held to those of F64 rounded, gradients by the fused kernels to
 * those that are recorded for gradients of gradients, and all of them to the reference's. A test
 * class extends this and names the device.
 */
public abstract class ExtremeValuesContract {
  private static final double INF = Double.POSITIVE_INFINITY;

  /** What each input of an element-wise operation is. */
  private static final double[] VALUES =
      DoubleStream.concat(
              both(
                  0,
                  INF,
                  0x1p-149,
                  1e-40,
                  0x1p-126,
                  1e-30,
                  1e-20,
                  1e-10,
                  1e-3,
                  0.5,
                  1,
                  1.5,
                  4.962,
                  9,
                  12,
                  40,
                  88.5,
                  120,
                  1e6,
                  1e10,
                  1e20,
                  1e30,
                  Float.MAX_VALUE),
              DoubleStream.of(Double.NaN))
          .toArray();

  /** What comes in from behind. */
  private static final double[] GRADIENTS =
      both(1, 0, 0x1p-149, 1e-30, 1e-10, 1e10, 1e30, INF).toArray();

  /** Rows of an operation along rows. */
  private static final double[][] ROWS = {
    {0, 0, 0, 0},
    {0.1, 0.1, 0.1, 0.1},
    {1000, 1000, 1000, 1000},
    {1e30, 1e30, 1e30, 1e30},
    {1, 2, 2, 1},
    {1e6 + 0.5, 1e6 - 1, 1e6 + 2, 1e6},
    {-1e6 + 0.5, -1e6 - 1, -1e6 + 2, -1e6},
    {1e20, -1e20, 1e20, -1e20},
    {1e20, 3e19, -2e20, 5e18},
    {3e38, -3e38, 3e38, 1e38},
    {3e38, 3e38, 3e38, -3e38},
    {1e-20, -1e-20, 1e-20, 3e-20},
    {1e-30, -1e-30, 2e-30, 3e-30},
    {1e-42, -1e-42, 3e-42, 1e-41}, // without eps rstd itself would be infinite
    {1e30, 1e-30, -1, 1e10},
    {88, -88, 200, -1000},
    {-INF, 1, 2, 3},
    {-INF, -INF, -INF, 3},
    {-INF, -INF, -INF, -INF},
    {INF, 1, 2, 3},
    {INF, -INF, 2, 3},
    {INF, INF, 2, 3},
    {Double.NaN, 1, 2, 3},
  };

  /** Gradients of the results of such a row. */
  private static final double[] ROW_GRADIENT = {0.5, -1, 2, 0.25};

  private static final Tolerance SUMS = Tolerance.ulps(8).orUnits(32);

  /** Operations of the catalog that are made for certain sizes, or refuse empty dimensions. */
  private static final Set<String> MADE_FOR_SIZES =
      Set.of(
          "reshape",
          "select",
          "expand",
          "max",
          "max dim",
          "min dims",
          "argmax",
          "embedding",
          "cross_entropy",
          "cross_entropy of dimension 1",
          "attention",
          "attention causal",
          "self-attention",
          "self-attention causal");

  private final Device device;

  /**
   * @param device one that works here
   */
  protected ExtremeValuesContract(Device device) {
    this.device = device;
  }

  private static DoubleStream both(double... values) {
    return Arrays.stream(values).flatMap(x -> DoubleStream.of(x, -x));
  }

  /**
   * An operation on given numbers.
   *
   * @param shape of each input
   * @param numbers the elements of each input, and last the gradient of the result
   */
  private record Trial(
      String name,
      Function<List<Tensor>, Tensor> function,
      Shape shape,
      List<double[]> numbers,
      boolean differentiable,
      Tolerance tolerance,
      Tolerance gradTolerance) {

    List<double[]> inputs() {
      return numbers.subList(0, numbers.size() - 1);
    }

    double[] gradient() {
      return numbers.getLast();
    }

    /** {result, gradient of each input}. */
    List<double[]> run(Device device, DType dtype, boolean recorded) {
      try (Scope _ = Scope.open()) {
        List<Tensor> leaves = new ArrayList<>();
        for (double[] input : inputs()) {
          leaves.add(tensor(input, shape, device, dtype).requiresGrad_(differentiable));
        }
        Tensor result = function.apply(leaves);
        List<double[]> found = new ArrayList<>(List.of(result.toDoubleArray()));
        if (differentiable) {
          Tensor weights = tensor(gradient(), result.shape(), device, dtype);
          for (Tensor grad : Gradients.grad(result, leaves, weights, true, recorded)) {
            found.add(grad.toDoubleArray());
          }
        }
        return found;
      }
    }

    private static Tensor tensor(double[] values, Shape shape, Device device, DType dtype) {
      double[] needed = Arrays.copyOf(values, Math.toIntExact(shape.numel()));
      return Tensor.of(needed, shape, device).to(DType.F32).to(dtype).detach();
    }

    /** The size of what goes into an element, as far as it has one. */
    double scale(int i, boolean ofGradient) {
      boolean elementwise = gradient().length == numbers.getFirst().length;
      double scale = 1;
      if (elementwise && shape.rank() == 1) {
        for (double[] input : inputs()) {
          scale = Math.max(scale, finite(input[i]));
        }
        return ofGradient ? scale * Math.max(1, finite(gradient()[i])) : scale;
      }
      return scale;
    }

    private static double finite(double x) {
      return Double.isFinite(x) ? Math.abs(x) : 1;
    }
  }

  @TestFactory
  Stream<DynamicTest> elementwise() {
    Stream<Op> elementwise =
        OpCatalog.OPS.stream()
            .filter(op -> op.inputs().stream().allMatch(ExtremeValuesContract::isElementwise))
            .filter(op -> !op.name().equals("dropout")); // its factor is rounded to the type
    return Stream.concat(elementwise, products()).map(op -> test(elementwise(op)));
  }

  /** Products with 1, so that what is known of activations holds for those inside of products. */
  private static Stream<Op> products() {
    return Stream.of(
        product("relu", MatMul::linearRelu),
        product("gelu", MatMul::linearGelu),
        product("gelu_tanh", MatMul::linearGeluTanh),
        product("silu", MatMul::linearSilu),
        product("copy", MatMul::linear));
  }

  private static Op product(String name, Product function) {
    Op alone =
        OpCatalog.OPS.stream().filter(op -> op.name().equals(name)).findFirst().orElseThrow();
    return Op.of(
        "linear, then " + name,
        alone.tolerance(),
        alone.gradTolerance(),
        in -> {
          Tensor x = in.getFirst();
          Tensor one = Tensor.full(Shape.of(1, 1), 1, x.dtype(), x.device());
          return function.apply(x.reshape(-1, 1), one, null).reshape(-1);
        },
        Input.real(OpCatalog.MATRIX, 0, 1));
  }

  private interface Product {
    Tensor apply(Tensor x, Tensor weight, @Nullable Tensor bias);
  }

  private static boolean isElementwise(Input input) {
    return input.dtype() == null && input.shape().equals(OpCatalog.MATRIX);
  }

  /** Every value with every other one and every gradient. */
  private static Trial elementwise(Op op) {
    int count = op.inputs().size();
    int n = GRADIENTS.length;
    for (int k = 0; k < count; k++) {
      n *= VALUES.length;
    }
    List<double[]> inputs = new ArrayList<>();
    double[] gradient = new double[n];
    for (int k = 0; k < count; k++) {
      inputs.add(new double[n]);
    }
    for (int i = 0; i < n; i++) {
      gradient[i] = GRADIENTS[i % GRADIENTS.length];
      int rest = i / GRADIENTS.length;
      for (double[] input : inputs) {
        input[i] = VALUES[rest % VALUES.length];
        rest /= VALUES.length;
      }
    }
    inputs.add(gradient);
    return new Trial(
        op.name(),
        op.function(),
        Shape.of(n),
        inputs,
        op.order() > 0,
        op.tolerance(),
        op.gradTolerance());
  }

  @TestFactory
  Stream<DynamicTest> alongRows() {
    List<DynamicTest> tests = new ArrayList<>();
    for (double[] row : ROWS) {
      along(tests, row, "softmax", x -> x.softmax(-1));
      along(tests, row, "log_softmax", x -> x.logSoftmax(-1));
      boolean divisible = Arrays.stream(row).distinct().count() > 1 && row[0] != 1e-42;
      for (double eps : divisible ? new double[] {1e-5, 0} : new double[] {1e-5}) {
        along(tests, row, "layer_norm, eps " + eps, x -> x.layerNorm(null, null, eps));
        along(tests, row, "rms_norm, eps " + eps, x -> x.rmsNorm(null, eps));
      }
      for (long target : new long[] {0, 3, -100}) {
        along(
            tests,
            row,
            "cross_entropy, target " + target,
            x -> x.crossEntropy(Tensor.of(new long[] {target}, Shape.of(1), x.device())).mul(1));
      }
      // It keeps one number for a row's softmax, which loses digits where scores are larger.
      if (Arrays.stream(row).filter(Double::isFinite).allMatch(x -> Math.abs(x) <= 10)) {
        along(tests, row, "attention", ExtremeValuesContract::attention);
      }
      along(tests, row, "max", x -> x.max(1));
      along(tests, row, "min", x -> x.min(1));
      along(tests, row, "mean", x -> x.mean(1));
    }
    return tests.stream();
  }

  /** With scores of x. */
  private static Tensor attention(Tensor x) {
    Tensor query = Tensor.full(Shape.of(1, 1, 1, 1), 1, x.dtype(), x.device());
    Tensor keys = x.reshape(1, 1, -1, 1);
    Tensor values = Tensor.arange(keys.size(2), x.dtype(), x.device()).reshape(1, 1, -1, 1);
    return query.scaledDotProductAttention(keys, values, false);
  }

  private void along(
      List<DynamicTest> tests, double[] row, String name, Function<Tensor, Tensor> function) {
    along(tests, row, 1, name, function);
    along(tests, row, 5, name, function); // kernels take short and long rows on different ways
  }

  private void along(
      List<DynamicTest> tests,
      double[] row,
      int times,
      String name,
      Function<Tensor, Tensor> function) {
    tests.add(
        test(
            new Trial(
                name + " of " + Arrays.toString(row) + " × " + times,
                in -> function.apply(in.getFirst()),
                Shape.of(1, (long) times * row.length),
                List.of(repeated(row, times), repeated(ROW_GRADIENT, times)),
                true,
                SUMS,
                SUMS)));
  }

  private static double[] repeated(double[] values, int times) {
    double[] repeated = new double[times * values.length];
    Arrays.setAll(repeated, i -> values[i % values.length]);
    return repeated;
  }

  private DynamicTest test(Trial trial) {
    return DynamicTest.dynamicTest(trial.name(), () -> check(trial));
  }

  private void check(Trial trial) {
    long before = Adjoint.memory(device).liveBytes();
    for (DType dtype : new DType[] {DType.F32, DType.F64}) {
      List<double[]> fused = trial.run(device, dtype, false);
      compare(
          trial, dtype, fused, trial.run(Device.REFERENCE, dtype, false), "the reference", null);
      compare(trial, dtype, trial.run(device, dtype, true), fused, "fused, recorded", null);
      if (dtype == DType.F32) {
        List<double[]> exact = trial.run(Device.REFERENCE, DType.F64, false);
        exact.forEach(values -> Arrays.setAll(values, i -> (float) values[i]));
        compare(trial, dtype, fused, exact, "F64", fused.getFirst());
      }
    }
    assertEquals(before, Adjoint.memory(device).liveBytes(), "memory left behind");
  }

  /**
   * @param saved where the result itself, which backward may have kept, is infinite beside one that
   *     is not, no gradient can follow from it; null to compare all
   */
  private void compare(
      Trial trial,
      DType dtype,
      List<double[]> found,
      List<double[]> expected,
      String what,
      double @Nullable [] saved) {
    List<String> wrong = new ArrayList<>();
    for (int k = 0; k < found.size(); k++) {
      for (int i = 0; i < found.get(k).length; i++) {
        double wanted = expected.get(k)[i];
        double got = found.get(k)[i];
        // What a result that became infinite says of its gradient, and infinity times what may
        // have been rounded to 0, is nothing.
        boolean lost =
            k > 0
                && ((saved != null && i < saved.length && Double.isInfinite(saved[i]))
                    || (Double.isInfinite(trial.gradient()[i % trial.gradient().length])
                        && !Double.isFinite(wanted)
                        && !Double.isFinite(got)));
        Tolerance tolerance = k == 0 ? trial.tolerance() : trial.gradTolerance();
        if (!lost && !tolerance.accepts(dtype, wanted, got, trial.scale(i, k > 0))) {
          wrong.add(
              (k == 0 ? "result" : "gradient " + k)
                  + " "
                  + got
                  + ", not "
                  + wanted
                  + inputs(trial, i));
        }
      }
    }
    if (!wrong.isEmpty()) {
      throw new AssertionError(
          trial.name()
              + " "
              + dtype
              + " against "
              + what
              + ": "
              + wrong.size()
              + " differ: "
              + String.join("; ", wrong.subList(0, Math.min(6, wrong.size()))));
    }
  }

  private static String inputs(Trial trial, int i) {
    StringBuilder text = new StringBuilder(" at ");
    for (double[] input : trial.inputs()) {
      text.append(input[i]).append(", ");
    }
    return text + "gradient " + trial.gradient()[i % trial.gradient().length];
  }

  // ---- numbers known beforehand ----

  private Tensor leaf(double... values) {
    return Tensor.of(values, Shape.of(1, values.length), device)
        .to(DType.F32)
        .detach()
        .requiresGrad_(true);
  }

  /** Compares the gradient, fused and recorded, to 6 digits. */
  private static void assertGradient(Tensor result, Tensor x, double... expected) {
    for (boolean recorded : new boolean[] {false, true}) {
      Tensor weights = Tensor.full(result.shape(), 1, result.dtype(), result.device());
      assertNear(Gradients.grad(result, List.of(x), weights, true, recorded).getFirst(), expected);
    }
  }

  private static void assertNear(Tensor found, double... expected) {
    double[] values = found.toDoubleArray();
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i], values[i], 1e-6 * Math.abs(expected[i]));
    }
  }

  @Test
  void knownValues() {
    Scope.run(
        () -> {
          Tensor x = leaf(-1, 4);
          assertGradient(x.relu().sqrt(), x, 0, 0.25);
          x = leaf(4.962);
          assertGradient(x.geluTanh(), x, 1.0000019707662913);
          x = leaf(1e-10);
          assertGradient(x.rdiv(1e-20), x, -1);
          x = leaf(1e-20);
          assertGradient(x.rdiv(1e-10), x, -1e30);
          assertGradient(leaf(1e-10).detach().div(x), x, -1e30);
          x = leaf(1e-35);
          assertGradient(x.pow(1.5), x, 1.5 * Math.sqrt(1e-35));
          for (double offset : new double[] {0, 1e6, -1e6, 8e6}) {
            x = leaf(offset, offset + 1, offset);
            Tensor target = Tensor.of(new long[] {0}, Shape.of(1), device);
            assertGradient(x.crossEntropy(target), x, -0.78805844, 0.57611688, 0.21194156);
          }
          for (double size : new double[] {1, 1e20, 1e30}) {
            x = leaf(size, -size);
            assertNear(x.layerNorm(null, null, 0), 1, -1);
            assertNear(x.rmsNorm(null, 0), 1, -1);
          }
        });
  }

  // ---- sizes of 0 and 1 ----

  /** Each size of each operation becomes 0 or 1, wherever it stands. */
  @TestFactory
  Stream<DynamicTest> sizesOfZeroAndOne() {
    List<DynamicTest> tests = new ArrayList<>();
    for (Op op : OpCatalog.OPS) {
      Set<Long> sizes = new TreeSet<>();
      op.inputs().forEach(input -> Arrays.stream(input.shape().toArray()).forEach(sizes::add));
      sizes.remove(1L); // those are broadcast
      for (long size : sizes) {
        for (long replacement : new long[] {0, 1}) {
          tests.add(
              DynamicTest.dynamicTest(
                  op + ", " + size + " becomes " + replacement,
                  () -> checkSizes(op, resized(op, size, replacement))));
        }
      }
    }
    return tests.stream();
  }

  private void checkSizes(Op op, Op resized) {
    OpTrial.Outcome expected;
    try {
      expected = trial(Device.REFERENCE).run(resized, resized.function());
    } catch (TensorException e) {
      if (!MADE_FOR_SIZES.contains(op.name())) {
        throw new AssertionError(resized + " is refused", e);
      }
      return;
    }
    trial(device).run(resized, resized.function()).checkAgainst(expected, resized, "");
  }

  private static OpTrial trial(Device on) {
    return new OpTrial(on, DType.F32, Arrangement.DENSE, false);
  }

  private static Op resized(Op op, long size, long replacement) {
    List<Input> inputs = new ArrayList<>();
    for (Input input : op.inputs()) {
      long[] sizes = input.shape().toArray();
      Arrays.setAll(sizes, d -> sizes[d] == size ? replacement : sizes[d]);
      boolean bounded = input.dtype() == DType.I64 && input.high() == size;
      inputs.add(
          new Input(
              Shape.of(sizes), input.low(), bounded ? replacement : input.high(), input.dtype()));
    }
    return new Op(
        op.name(), inputs, op.function(), op.tolerance(), op.gradTolerance(), op.order(), null);
  }
}
