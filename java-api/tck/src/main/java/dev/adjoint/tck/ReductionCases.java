package dev.adjoint.tck;

import dev.adjoint.spi.ReductionKernels;
import dev.adjoint.DType;
import dev.adjoint.Shape;
import dev.adjoint.spi.Reduction;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.LongToDoubleFunction;
import java.util.stream.Stream;

/** Cases of {@link dev.adjoint.spi.ReductionKernels}. */
final class ReductionCases {
  /** "A few ulp whatever the length", of the sum of the absolute values. */
  private static final Tolerance SUMS = Tolerance.units(8);

  private ReductionCases() {}

  static List<KernelGroup> groups(List<DType> floating) {
    List<KernelGroup> groups = new ArrayList<>();
    for (DType dtype : Stream.concat(floating.stream(), Stream.of(DType.I64)).toList()) {
      for (Reduction function : Reduction.values()) {
        if (function != Reduction.MEAN || dtype.isFloating()) {
          groups.add(
              new KernelGroup(
                  "reduce_" + function.symbol() + "_" + dtype.suffix(),
                  c -> reduce(function, dtype, dtype, c)));
        }
      }
      groups.add(new KernelGroup("argmax_" + dtype.suffix(), c -> argmax(dtype, c)));
      if (dtype.isHalf()) {
        groups.add(
            new KernelGroup(
                "reduce_sum_f32_" + dtype.suffix(),
                c -> reduce(Reduction.SUM, dtype, DType.F32, c)));
      } else if (dtype.isFloating()) {
        groups.add(new KernelGroup("sum_squares_" + dtype.suffix(), c -> sumSquares(dtype, c)));
      }
    }
    return groups;
  }

  private static void reduce(
      Reduction function, DType dtype, DType to, Consumer<KernelCase> check) {
    LongToDoubleFunction values = Samples.any(function.symbol().hashCode(), dtype);
    for (long size : Samples.sizes()) {
      reduce(check, function, dtype, to, Shape.of(size), 1, Placement.DENSE, values);
      reduce(check, function, dtype, to, Shape.of(3, size), 2, Placement.SHIFTED, values);
      reduce(check, function, dtype, to, Shape.of(3, size), 1, Placement.DENSE, values);
      reduce(check, function, dtype, to, Shape.of(size, 5), 1, Placement.PITCHED, values);
    }
    for (Shape shape : Samples.SHAPES) {
      for (int dims = 0; dims < 1 << shape.rank(); dims++) {
        for (Placement from : Placement.ALL) {
          reduce(check, function, dtype, to, shape, dims, from, values);
        }
      }
    }
    for (Shape shape :
        List.of(
            Samples.LARGE,
            Shape.of(7, 20_003),
            Shape.of(20_003, 7),
            Shape.of(40, 30, 50),
            Shape.of(3, 400, 64),
            Shape.of(4, 3, 5, 16),
            Shape.of(3, 1000, 2, 7))) {
      for (int dims = 1; dims < 1 << shape.rank(); dims++) {
        for (Placement from : List.of(Placement.DENSE, Placement.TRANSPOSED, Placement.STEPPED)) {
          reduce(check, function, dtype, to, shape, dims, from, values);
        }
      }
    }
    if (dtype.isFloating()) {
      for (double special :
          new double[] {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY}) {
        for (long at = 0; at < 40; at++) {
          long place = at;
          LongToDoubleFunction one = i -> i == place ? special : values.applyAsDouble(i);
          reduce(check, function, dtype, to, Shape.of(2, 20), 2, Placement.DENSE, one);
          reduce(check, function, dtype, to, Shape.of(2, 20), 1, Placement.DENSE, one);
          reduce(check, function, dtype, to, Shape.of(2, 20), 2, Placement.STEPPED, one);
        }
      }
    }
  }

  /** Reduces the dimensions whose bits are set; extremes of nothing are refused above the seam. */
  private static void reduce(
      Consumer<KernelCase> check,
      Reduction function,
      DType dtype,
      DType to,
      Shape shape,
      int dims,
      Placement from,
      LongToDoubleFunction values) {
    long[] sizes = shape.toArray();
    long count = 1;
    for (int d = 0; d < sizes.length; d++) {
      if ((dims & 1 << d) != 0) {
        count *= sizes[d];
        sizes[d] = 1;
      }
    }
    boolean extreme = function == Reduction.MAX || function == Reduction.MIN;
    if (extreme && count == 0) {
      return;
    }
    check.accept(
        KernelCase.of(
                function.symbol() + " over dims " + Integer.toBinaryString(dims),
                extreme ? Tolerance.EXACT : SUMS,
                stage -> ReductionKernels.Reduce.of(function, stage.view(0), stage.view(1)),
                Operand.input(dtype, from.of(shape), values),
                Operand.output(to, Placement.DENSE.of(Shape.of(sizes))))
            .scaledByMagnitudes());
  }

  private static void argmax(DType dtype, Consumer<KernelCase> check) {
    // Few distinct values, so that there are ties; in floating types a NaN now and then.
    LongToDoubleFunction values =
        i -> dtype.isFloating() && i % 23 == 17 ? Double.NaN : (i * 7919 % 13) - 6;
    for (long size : Samples.sizes()) {
      check.accept(argmax(dtype, Shape.of(size), Placement.DENSE, values));
      check.accept(argmax(dtype, Shape.of(5, size), Placement.SHIFTED, values));
    }
    for (Shape shape : Samples.SHAPES) {
      if (shape.rank() > 0 && shape.size(-1) > 0) {
        for (Placement from : Placement.ALL) {
          check.accept(argmax(dtype, shape, from, values));
        }
      }
    }
    LongToDoubleFunction infinite = i -> Double.NEGATIVE_INFINITY;
    if (dtype.isFloating()) {
      check.accept(argmax(dtype, Shape.of(2, 19), Placement.DENSE, infinite));
    }
    check.accept(argmax(dtype, Samples.LARGE, Placement.DENSE, i -> i % 60_000));
    check.accept(argmax(dtype, Shape.of(1000, 70), Placement.TRANSPOSED, values));
    // The first of several where a backend may cut rows into parts, but not in the first part.
    LongToDoubleFunction largest = i -> i % 30_000 == 29_999 ? 9 : i % 7;
    check.accept(argmax(dtype, Samples.LARGE, Placement.SHIFTED, largest));
    check.accept(argmax(dtype, Shape.of(2, 40_000), Placement.STEPPED, largest));
    if (dtype.isFloating()) {
      check.accept(
          argmax(
              dtype,
              Samples.LARGE,
              Placement.DENSE,
              i -> i % 17_000 == 16_999 && i > 20_000 ? Double.NaN : largest.applyAsDouble(i)));
    }
  }

  private static KernelCase argmax(
      DType dtype, Shape shape, Placement from, LongToDoubleFunction values) {
    long[] sizes = shape.toArray();
    Shape rows = Shape.of(Arrays.copyOf(sizes, sizes.length - 1));
    return KernelCase.of(
        "argmax",
        Tolerance.EXACT,
        stage -> new ReductionKernels.Argmax(stage.view(0), stage.view(1)),
        Operand.input(dtype, from.of(shape), values),
        Operand.output(DType.I64, Placement.DENSE.of(rows)));
  }

  private static void sumSquares(DType dtype, Consumer<KernelCase> check) {
    LongToDoubleFunction values = Samples.uniform(6, -4, 4);
    for (long size : Samples.sizes()) {
      check.accept(sumSquares(dtype, values, size));
      check.accept(sumSquares(dtype, values, size, 0, 3, 2 * size));
    }
    check.accept(sumSquares(dtype, values, 0));
    check.accept(sumSquares(dtype, values, Samples.LARGE.numel(), 1, Samples.LARGE.numel()));
    check.accept(sumSquares(dtype, i -> i == 5 ? Double.NaN : 1, 19));
    // In float32 the squares overflow; the sum is kept in float64.
    check.accept(sumSquares(dtype, i -> 1e30, 19));
  }

  private static KernelCase sumSquares(DType dtype, LongToDoubleFunction values, long... sizes) {
    Stream<Operand> result = Stream.of(Operand.output(DType.F64, Placement.DENSE.of(Shape.of(1))));
    Stream<Operand> inputs =
        Arrays.stream(sizes)
            .mapToObj(n -> Operand.input(dtype, Placement.SHIFTED.of(Shape.of(n)), values));
    return KernelCase.of(
        "sum_squares",
        Tolerance.ulps(16),
        stage -> new ReductionKernels.SumSquares(stage.view(0), stage.views(1, sizes.length + 1)),
        Stream.concat(result, inputs).toArray(Operand[]::new));
  }
}
