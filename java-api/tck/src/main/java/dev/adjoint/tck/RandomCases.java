package dev.adjoint.tck;

import dev.adjoint.spi.RandomKernels;
import dev.adjoint.DType;
import dev.adjoint.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** Cases of {@link dev.adjoint.spi.RandomKernels}: equal bits on every backend. */
final class RandomCases {
  private static final List<long[]> KEYS =
      List.of(new long[] {0, 0}, new long[] {42, 7}, new long[] {-1, 1L << 40}, new long[] {1, -1});

  private RandomCases() {}

  static List<KernelGroup> groups(List<DType> floating) {
    List<KernelGroup> groups = new ArrayList<>();
    groups.add(new KernelGroup("next_key", RandomCases::nextKey));
    for (DType dtype : floating) {
      String suffix = "_" + dtype.suffix();
      if (!dtype.isHalf()) {
        groups.add(
            new KernelGroup("uniform" + suffix, c -> sweep(c, (k, n) -> uniform(dtype, k, n))));
        groups.add(
            new KernelGroup("normal" + suffix, c -> sweep(c, (k, n) -> normal(dtype, k, n))));
      }
      groups.add(
          new KernelGroup("dropout" + suffix, c -> sweep(c, (k, n) -> dropout(dtype, k, n))));
    }
    return groups;
  }

  /** A case by key and number of elements. */
  private interface Draw {
    KernelCase of(Operand key, Shape shape);
  }

  private static void sweep(Consumer<KernelCase> check, Draw draw) {
    for (long[] key : KEYS) {
      for (long size : Samples.sizes()) {
        check.accept(draw.of(Operand.indices(key), Shape.of(size)));
      }
      check.accept(draw.of(Operand.indices(key), Shape.of(0)));
      check.accept(draw.of(Operand.indices(key), Shape.of(3, 5)));
      check.accept(draw.of(Operand.indices(key), Samples.LARGE));
    }
  }

  private static void nextKey(Consumer<KernelCase> check) {
    for (double seed : new double[] {0, 42, -1}) {
      check.accept(
          KernelCase.of(
                  "next_key",
                  Tolerance.EXACT,
                  stage -> new RandomKernels.NextKey(stage.view(0), stage.view(1)),
                  Operand.updated(
                      DType.I64, Placement.DENSE.of(Shape.of(2)), i -> i == 0 ? seed : 5),
                  Operand.output(DType.I64, Placement.DENSE.of(Shape.of(2))))
              .withRuns(3));
    }
  }

  private static KernelCase uniform(DType dtype, Operand key, Shape shape) {
    // Bounds between which float32 cannot hold all sums exactly.
    return KernelCase.of(
        "uniform",
        Tolerance.EXACT,
        stage -> new RandomKernels.Uniform(stage.view(0), stage.view(1), -0.1, 2.3),
        key,
        Operand.output(dtype, Placement.SHIFTED.of(shape)));
  }

  private static KernelCase normal(DType dtype, Operand key, Shape shape) {
    return KernelCase.of(
        "normal",
        Tolerance.EXACT,
        stage -> new RandomKernels.Normal(stage.view(0), stage.view(1), 0.3, 1.7),
        key,
        Operand.output(dtype, Placement.SHIFTED.of(shape)));
  }

  private static KernelCase dropout(DType dtype, Operand key, Shape shape) {
    double p = shape.numel() % 2 == 0 ? 0.1 : 0.5;
    return KernelCase.of(
        "dropout",
        Tolerance.EXACT,
        stage -> new RandomKernels.Dropout(stage.view(0), stage.view(1), stage.view(2), p),
        key,
        Operand.input(dtype, Placement.SHIFTED.of(shape), Samples.uniform(1, -3, 3)),
        Operand.output(dtype, Placement.DENSE.of(shape)));
  }
}
