package dev.adjoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import dev.adjoint.optim.AdamW;
import dev.adjoint.optim.GradientClipping;
import java.util.List;
import java.util.Objects;
import java.util.function.BinaryOperator;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(Reference.class)
class DTypesTest {
  @Test
  void nothingIsPromoted() {
    Tensor f32 = Tensor.zeros(2);
    Tensor f64 = f32.to(DType.F64);
    Tensor i64 = Tensor.arange(2);
    Expect.failure(
        DTypeMismatchException.class,
        () -> f32.add(f64),
        "add: element types differ: F32 [2] and F64 [2]",
        "to(DType.F32)");
    Expect.failure(DTypeMismatchException.class, () -> f32.eq(i64), "eq", "F32", "I64");
    Expect.failure(DTypeMismatchException.class, () -> f32.add_(f64), "add");
    Expect.failure(DTypeMismatchException.class, () -> f32.copy_(f64), "copy_");
    Expect.failure(
        DTypeMismatchException.class,
        () -> Tensor.zeros(1, 2).matmul(Tensor.zeros(2, 1).to(DType.F64)),
        "matmul");
    Expect.failure(DTypeMismatchException.class, () -> Tensor.where(f32.gt(0), f32, f64), "where");
  }

  @Test
  void integersHaveIntegerArithmetic() {
    Tensor a = Tensor.of(new long[] {7, -3, 5});
    Tensor b = Tensor.of(new long[] {2, -3, Long.MAX_VALUE});
    assertArrayEquals(new long[] {9, -6, Long.MIN_VALUE + 4}, a.add(b).toLongArray());
    assertArrayEquals(new long[] {14, 9, Long.MAX_VALUE - 4}, a.mul(b).toLongArray());
    assertArrayEquals(new long[] {7, -3, Long.MAX_VALUE}, a.maximum(b).toLongArray());
    assertArrayEquals(new long[] {8, -2, 6}, a.add(1).toLongArray());
    assertArrayEquals(new long[] {-6, 4, -4}, a.rsub(1).toLongArray());
    assertEquals(9, a.sum().toLongArray()[0]);
    assertEquals(7, a.max().toLongArray()[0]);
    Tensor i32 = Tensor.of(new int[] {Integer.MAX_VALUE, 1});
    Expect.values(i32.add(1), Integer.MIN_VALUE, 2);
    assertEquals(DType.I32, i32.add(1).dtype());
  }

  @Test
  void largeIntegersKeepEveryBit() {
    long large = (1L << 53) + 1;
    Tensor x = Tensor.of(new long[] {large});
    assertArrayEquals(new long[] {large + 2}, x.add(2).toLongArray());
    Expect.values(x.eq(Tensor.of(new long[] {large - 1})), 0);
    Expect.values(x.gt(Tensor.of(new long[] {large - 1})), 1);
    assertEquals("tensor([9007199254740993])", x.toString());
  }

  @Test
  void whatIntegersCannotDoSaysTheFix() {
    Tensor x = Tensor.arange(2);
    Expect.failure(DTypeMismatchException.class, () -> x.div(2), "div", "I64", "to(DType.F32)");
    Expect.failure(DTypeMismatchException.class, () -> x.pow(2), "pow", "I64");
    Expect.failure(DTypeMismatchException.class, x::exp, "exp", "I64");
    Expect.failure(DTypeMismatchException.class, x::mean, "mean", "I64");
    Expect.failure(DTypeMismatchException.class, () -> x.softmax(0), "softmax", "I64");
    Expect.failure(
        DTypeMismatchException.class, () -> x.matmul(x), "matmul", "I64", "to(DType.F32)");
    Expect.failure(DTypeMismatchException.class, () -> x.add(0.5), "add", "0.5", "I64");
    Expect.failure(DTypeMismatchException.class, () -> x.add(1e30), "1.0E30", "I64");
    Expect.failure(DTypeMismatchException.class, () -> x.gt(Double.POSITIVE_INFINITY), "Infinity");
    Expect.failure(
        DTypeMismatchException.class, () -> x.to(DType.I32).lt(3e9), "lt", "3.0E9", "I32");
  }

  @Test
  void masksCompareAndSelectOnly() {
    Tensor mask = Tensor.of(new boolean[] {true, false});
    Expect.values(mask.eq(0), 0, 1);
    Expect.values(mask.ne(Tensor.of(new boolean[] {true, true})), 0, 1);
    Expect.failure(DTypeMismatchException.class, () -> mask.add(mask), "add", "BOOL");
    Expect.failure(DTypeMismatchException.class, mask::sum, "sum", "BOOL");
    Expect.values(mask.to(DType.F32).sum(), 1);
  }

  @Test
  void comparisonsGiveBool() {
    Tensor x = Tensor.of(new float[] {1, Float.NaN, 3});
    for (Tensor mask :
        new Tensor[] {x.eq(x), x.ne(x), x.lt(x), x.le(x), x.gt(x), x.ge(x), x.eq(1), x.lt(2)}) {
      assertEquals(DType.BOOL, mask.dtype());
    }
    Expect.values(x.eq(x), 1, 0, 1);
    Expect.values(x.ne(x), 0, 1, 0);
    Expect.values(x.le(2), 1, 0, 0);
    Expect.values(x.ge(Tensor.of(1f)), 1, 0, 1);
  }

  @Test
  void conversions() {
    Tensor x = Tensor.of(new double[] {-1.7, 0, 0.5, 2.9});
    assertArrayEquals(new long[] {-1, 0, 0, 2}, x.to(DType.I64).toLongArray());
    Expect.values(x.to(DType.BOOL), 1, 0, 1, 1);
    Expect.values(x.to(DType.F32), -1.7f, 0, 0.5f, 2.9f);
    assertSame(x, x.to(DType.F64));
    Expect.values(Tensor.of(new boolean[] {true, false}).to(DType.I32), 1, 0);
  }

  @Test
  void halvesAreStoredMovedAndConverted() {
    Tensor x = Tensor.of(new float[] {1, -0x1.008p1f, 3e38f, 1e-3f}); // the second is a tie
    Tensor brain = x.to(DType.BF16);
    Expect.values(brain, 1, -2, 0x1.c4p127, 0x1.06p-10);
    Expect.values(x.to(DType.F16), 1, -0x1.008p1, Double.POSITIVE_INFINITY, 0x1.064p-10);
    Expect.values(brain.slice(0, 1, 4, 2).to(DType.F32), -2, 0x1.06p-10);
    Expect.values(Tensor.cat(List.of(brain, brain), 0).slice(0, 4, 6), 1, -2);
    Expect.values(
        brain.reshape(2, 2).embedding(Tensor.of(new long[] {1, 0, 1})).select(0, 1), 1, -2);
    Tensor filled = Tensor.full(Shape.of(2), 0.1, DType.BF16, x.device());
    assertEquals("tensor([0.1001, 0.1001], dtype=BF16)", filled.toString());
    assertEquals(0x1.9ap-4, filled.get(1));
    assertEquals(4, Tensor.where(x.gt(0), brain, brain).copy().numel());
    assertArrayEquals(new long[] {1, -2}, brain.slice(0, 0, 2).to(DType.I64).toLongArray());
  }

  @Test
  void gradientsFlowThroughAConversionToHalf() {
    Tensor x = Tensor.of(new float[] {1.001f, 2}).requiresGrad_(true);
    x.to(DType.BF16).to(DType.F32).mul(Tensor.of(new float[] {3, 5})).sum().backward();
    Expect.values(Objects.requireNonNull(x.grad()), 3, 5);
  }

  @Test
  void halvesComputeInF32AndRoundOnce() {
    Tensor x = Tensor.of(new float[] {1.5f, -0.7f, 100}).to(DType.BF16);
    Tensor y = Tensor.of(new float[] {3, 0.3f, 0.37f}).to(DType.BF16);
    Tensor wideX = x.to(DType.F32);
    Tensor wideY = y.to(DType.F32);
    assertRounded(wideX.add(wideY), x.add(y));
    assertRounded(wideX.gelu(), x.gelu());
    assertRounded(wideX.rdiv(3), x.rdiv(3));
    assertRounded(wideX.sum(), x.sum());
    assertRounded(wideX.mul(wideY).sum(), x.matmul(y));
    assertRounded(wideX.layerNorm(wideY, wideX, 1e-5), x.layerNorm(y, x, 1e-5));
    assertRounded(wideX.softmax(0), x.softmax(0));
    assertRounded(wideX.exp(), x.copy().exp());
    assertRounded(wideX.add(wideY), x.copy().add_(y));
    assertRounded(wideX.mul(0.1), x.copy().mul_(0.1));
    Expect.values(x.gt(y), 0, 0, 1);
    assertEquals(DType.BOOL, x.gt(y).dtype());
    assertEquals(DType.I64, x.argmax(0).dtype());
  }

  private static void assertRounded(Tensor expected, Tensor found) {
    assertRounded(DType.BF16, expected, found);
  }

  private static void assertRounded(DType half, Tensor expected, Tensor found) {
    assertEquals(half, found.dtype());
    assertArrayEquals(expected.to(half).toDoubleArray(), found.toDoubleArray());
  }

  @Test
  void halvesHaveGradientsOfTheirOwnType() {
    Tensor x = Tensor.of(new float[] {1.5f, -0.7f}).to(DType.BF16).requiresGrad_(true);
    Tensor wide = x.detach().to(DType.F32).requiresGrad_(true);
    Tensor weights = Tensor.of(new float[] {0.3f, 3});
    x.silu().to(DType.F32).mul(weights.to(DType.BF16).to(DType.F32)).sum().backward();
    wide.silu().mul(weights.to(DType.BF16).to(DType.F32)).sum().backward();
    assertRounded(Objects.requireNonNull(wide.grad()), Objects.requireNonNull(x.grad()));
    x.zeroGrad();
    x.mul(x).add(x).sum().backward(); // three gradients that are added up
    Expect.values(Objects.requireNonNull(x.grad()), 4, -0.3984375);
  }

  /** Also those that are made in several steps, from a result, or as sums of products. */
  @Test
  void gradientsOfHalvesAreThoseOfF32Rounded() {
    List<BinaryOperator<Tensor>> operations =
        List.of(
            (a, b) -> a.div(b),
            (a, b) -> a.pow(b),
            (a, b) -> a.mul(b),
            (a, b) -> a.mul(b.select(0, 1)),
            (a, b) -> a.maximum(b),
            (a, b) -> a.rdiv(3),
            (a, b) -> a.pow(2.5),
            (a, b) -> a.exp(),
            (a, b) -> a.tanh(),
            (a, b) -> a.gelu(),
            (a, b) -> a.max(1),
            (a, b) -> a.mean(1),
            (a, b) -> a.softmax(-1),
            (a, b) -> a.logSoftmax(0),
            (a, b) -> a.layerNorm(b.select(0, 0), b.select(0, 1), 1e-5),
            (a, b) -> a.linear(b, null),
            (a, b) -> a.matmul(b.t()),
            (a, b) -> a.unsqueeze(0).matmul(b.unsqueeze(2)));
    for (DType half : List.of(DType.BF16, DType.F16)) {
      Tensor x = Tensor.of(new float[] {1.3f, 0.7f, 3.1f, 0.2f, 2.9f, 2.9f}).to(half);
      Tensor y = Tensor.of(new float[] {0.3f, 2.2f, 0.9f, 1.7f, 0.8f, 3.3f}).to(half);
      for (BinaryOperator<Tensor> operation : operations) {
        for (boolean createGraph : new boolean[] {false, true}) {
          List<Tensor> wide =
              gradients(operation, x.to(DType.F32), y.to(DType.F32), half, createGraph);
          List<Tensor> narrow = gradients(operation, x, y, half, createGraph);
          assertEquals(wide.size(), narrow.size());
          for (int i = 0; i < wide.size(); i++) {
            assertRounded(half, wide.get(i), narrow.get(i));
          }
        }
      }
    }
  }

  /** With respect to each of two matrices that has one, of a sum weighted by numbers of a type. */
  private static List<Tensor> gradients(
      BinaryOperator<Tensor> operation, Tensor x, Tensor y, DType weights, boolean createGraph) {
    Tensor a = x.detach().reshape(2, 3).copy().requiresGrad_(true);
    Tensor b = y.detach().reshape(2, 3).copy().requiresGrad_(true);
    Tensor result = operation.apply(a, b);
    Tensor weight = Tensor.arange(result.numel()).to(x.dtype()).add(0.3).to(weights).to(x.dtype());
    result.backward(weight.reshape(result.shape().toArray()), false, createGraph);
    return Stream.of(a, b).map(Tensor::grad).filter(Objects::nonNull).toList();
  }

  @Test
  void lossesAndParametersBesideHalvesAreF32() {
    for (DType half : List.of(DType.BF16, DType.F16)) {
      Tensor x = Tensor.of(new float[][] {{1.5f, -0.7f, 3}, {0, 2, 1}}).to(half).detach();
      x.requiresGrad_(true);
      Tensor wide = x.detach().to(DType.F32).requiresGrad_(true);
      Tensor targets = Tensor.of(new long[] {2, 0});
      List<UnaryOperator<Tensor>> losses =
          List.of(t -> t.crossEntropy(targets), t -> t.mseLoss(t.detach().mul(0.5)));
      for (UnaryOperator<Tensor> loss : losses) {
        x.zeroGrad();
        wide.zeroGrad();
        Tensor found = loss.apply(x);
        Tensor expected = loss.apply(wide);
        assertEquals(DType.F32, found.dtype());
        assertEquals(expected.item(), found.item());
        found.backward();
        expected.backward();
        assertRounded(half, Objects.requireNonNull(wide.grad()), Objects.requireNonNull(x.grad()));
      }
      Tensor weight = Tensor.of(new float[] {0.3f, 3, -2}).requiresGrad_(true);
      x.rmsNorm(weight, 1e-5).sum().backward();
      Tensor toWeight = Objects.requireNonNull(weight.grad());
      assertEquals(DType.F32, toWeight.dtype());
      double[] norms = x.detach().to(DType.F32).rmsNorm(null, 1e-5).sum(0).toDoubleArray();
      Expect.close(1e-6, toWeight, norms);
      Expect.failure(
          DTypeMismatchException.class, () -> x.rmsNorm(weight.to(DType.F64), 1e-5), "rmsNorm");
    }
  }

  @Test
  void whatHalvesCannotDoSaysTheFix() {
    Tensor x = Tensor.full(Shape.of(2, 2), 1, DType.BF16, Device.REFERENCE);
    Expect.failure(
        DTypeMismatchException.class,
        () -> x.add(Tensor.zeros(2, 2)),
        "add: element types differ: BF16 [2, 2] and F32 [2, 2]",
        "to(DType.BF16)");
    Expect.failure(DTypeMismatchException.class, () -> Tensor.zeros(2, 2).matmul(x), "matmul");
    Expect.failure(
        DTypeMismatchException.class,
        () -> GradientClipping.clipByNorm(List.of(grown(x)), 1),
        "norm: needs F32 or F64, got BF16",
        "to(DType.F32)");
    Expect.failure(
        TensorException.class, () -> new AdamW(List.of(grown(x)), 0.1), "F32 or F64", "BF16");
    Expect.failure(DTypeMismatchException.class, x::toFloatArray, "BF16", "to(DType.F32)");
  }

  private static Tensor grown(Tensor x) {
    Tensor leaf = x.copy().requiresGrad_(true);
    leaf.sum().backward();
    return leaf;
  }

  @Test
  void arraysAreOfOneType() {
    Expect.failure(
        DTypeMismatchException.class, () -> Tensor.arange(2).toFloatArray(), "I64", "F32");
    Tensor reals = Tensor.zeros(2);
    Expect.failure(DTypeMismatchException.class, reals::toLongArray, "F32", "I64");
    assertArrayEquals(new double[] {0, 0}, reals.toDoubleArray());
    assertArrayEquals(new float[] {0, 0}, reals.toFloatArray());
  }
}
