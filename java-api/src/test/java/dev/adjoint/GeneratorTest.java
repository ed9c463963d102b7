package dev.adjoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.ops.Random;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(Reference.class)
class GeneratorTest {
  private static final Device DEVICE = Device.REFERENCE;

  @Test
  void aSeedRepeatsEverything() {
    Adjoint.manualSeed(42);
    float[] first = Tensor.rand(5).toFloatArray();
    float[] second = Tensor.rand(5).toFloatArray();
    assertFalse(Arrays.equals(first, second));
    Adjoint.manualSeed(42);
    assertArrayEquals(first, Tensor.rand(5).toFloatArray());
    assertArrayEquals(second, Tensor.rand(5).toFloatArray());
    Adjoint.manualSeed(43);
    assertFalse(Arrays.equals(first, Tensor.rand(5).toFloatArray()));
  }

  @Test
  void aSavedStateGoesOn() {
    try (Generator generator = new Generator(DEVICE, 7)) {
      normal(generator, 3);
      long[] saved = generator.save();
      assertArrayEquals(new long[] {7, 1}, saved);
      double[] next = normal(generator, 3);
      long roll = generator.nextLong(1000);
      generator.restore(saved);
      assertArrayEquals(next, normal(generator, 3));
      assertEquals(roll, generator.nextLong(1000));
      Expect.failure(
          TensorException.class, () -> generator.restore(new long[1]), "2 numbers", "got 1");
    }
  }

  private static double[] normal(Generator generator, long n) {
    return Random.normal(Shape.of(n), 0, 1, DType.F64, DEVICE, generator).toDoubleArray();
  }

  @Test
  void generatorsAreIndependent() {
    try (Generator a = new Generator(DEVICE, 1);
        Generator b = new Generator(DEVICE, 1)) {
      normal(a, 100);
      double[] later = normal(a, 3);
      normal(b, 1);
      assertArrayEquals(later, normal(b, 3)); // operations count, not elements
    }
  }

  @Test
  void numbersDoNotDependOnTheThread() throws InterruptedException {
    Adjoint.manualSeed(5);
    float[] here = Tensor.rand(4).toFloatArray();
    Adjoint.manualSeed(5);
    float[][] there = new float[1][];
    Thread thread = new Thread(() -> Scope.run(() -> there[0] = Tensor.rand(4).toFloatArray()));
    thread.start();
    thread.join();
    assertArrayEquals(here, there[0]);
  }

  @Test
  void threadsNeverDrawTheSameNumbers() {
    Set<Float> seen = ConcurrentHashMap.newKeySet();
    IntStream.range(0, 400)
        .parallel()
        .forEach(_ -> Scope.run(() -> seen.add(Tensor.rand(1).toFloatArray()[0])));
    assertTrue(seen.size() > 395, () -> "distinct: " + seen.size()); // 24-bit numbers may collide
    assertEquals(400, Adjoint.generator(DEVICE).save()[1]);
  }

  @Test
  void integersBelowABound() {
    try (Generator generator = new Generator(DEVICE, 3)) {
      Set<Long> seen = new HashSet<>();
      for (int i = 0; i < 200; i++) {
        seen.add(generator.nextLong(6));
        double x = generator.nextDouble();
        assertTrue(x >= 0 && x < 1);
      }
      assertEquals(Set.of(0L, 1L, 2L, 3L, 4L, 5L), seen);
      assertEquals(0, generator.nextLong(1));
      Expect.failure(TensorException.class, () -> generator.nextLong(0), "positive", "0");
    }
  }

  @Test
  void aGeneratorFillsOnlyItsDevice() {
    try (Generator generator = new Generator(new Device("cuda", "9"), 0)) {
      Expect.failure(
          DeviceMismatchException.class,
          () -> Tensor.ones(1).dropout(0.5, generator),
          "cuda:9",
          "reference");
    }
  }

  @Test
  void momentsOfTheUniform() {
    for (DType dtype : new DType[] {DType.F32, DType.F64}) {
      Generator generator = Adjoint.generator(DEVICE);
      Tensor x = Random.uniform(Shape.of(20_000), -1, 3, dtype, DEVICE, generator);
      assertEquals(dtype, x.dtype());
      assertEquals(1, x.mean().item(), 0.04);
      assertEquals(16.0 / 12, x.sub(1).square().mean().item(), 0.04);
      assertTrue(x.min().item() >= -1 && x.max().item() < 3);
    }
  }

  @Test
  void momentsOfTheNormal() {
    for (DType dtype : new DType[] {DType.F32, DType.F64}) {
      Generator generator = Adjoint.generator(DEVICE);
      Tensor x = Random.normal(Shape.of(20_000), 2, 3, dtype, DEVICE, generator);
      Tensor z = x.sub(2).div(3);
      assertEquals(0, z.mean().item(), 0.03);
      assertEquals(1, z.square().mean().item(), 0.04);
      assertEquals(0, z.pow(3).mean().item(), 0.1);
      assertEquals(3, z.pow(4).mean().item(), 0.2);
      assertTrue(z.max().item() > 3 && z.min().item() < -3);
    }
    Expect.failure(
        DTypeMismatchException.class,
        () -> Random.normal(Shape.of(1), 0, 1, DType.I64, DEVICE, Adjoint.generator(DEVICE)),
        "normal",
        "I64");
  }

  @Test
  void dropoutKeepsTheExpectation() {
    Tensor x = Tensor.ones(20_000);
    Tensor y = x.dropout(0.25);
    assertEquals(0.25, y.eq(0).to(DType.F32).mean().item(), 0.015);
    assertEquals(1, y.mean().item(), 0.02);
    Expect.values(y.max(), (float) (1 / 0.75));
    assertNotEquals(y.sum().item(), x.dropout(0.25).sum().item());
  }

  @Test
  void theGradientHasTheMaskOfTheForwardPass() {
    Tensor x = Tensor.ones(1000).requiresGrad_(true);
    Tensor y = x.dropout(0.5);
    Tensor.rand(10); // other draws in between change nothing
    y.sum().backward();
    Expect.values(x.grad(), y.toDoubleArray());
  }

  @Test
  void dropoutOfNothingAndOfEverything() {
    Tensor x = Tensor.ones(3);
    assertSame(x, x.dropout(0));
    Expect.values(x.dropout(1), 0, 0, 0);
    Expect.failure(TensorException.class, () -> x.dropout(-0.1), "dropout", "[0, 1]", "-0.1");
    Expect.failure(TensorException.class, () -> x.dropout(Double.NaN), "NaN");
  }

  @Test
  void manyAtOnceAreThoseOneByOne() {
    try (Generator one = new Generator(DEVICE, 5);
        Generator many = new Generator(DEVICE, 5)) {
      long[] expected = new long[100];
      Arrays.setAll(expected, i -> one.nextLong(1000));
      assertArrayEquals(expected, many.nextLongs(100, 1000));
      assertArrayEquals(one.save(), many.save());
      long[] order = new long[100];
      for (int i = 0; i < 100; i++) {
        int other = (int) one.nextLong(i + 1);
        order[i] = order[other];
        order[other] = i;
      }
      assertArrayEquals(order, many.permutation(100));
      assertArrayEquals(one.save(), many.save());
      one.skip(3);
      many.nextLongs(3, 7);
      assertArrayEquals(one.save(), many.save());
      assertEquals(0, many.permutation(0).length);
      Expect.failure(TensorException.class, () -> one.permutation(-1), "negative", "-1");
      Expect.failure(TensorException.class, () -> one.nextLongs(1, 0), "positive", "0");
      Expect.failure(TensorException.class, () -> one.skip(-2), "negative", "-2");
    }
  }
}
