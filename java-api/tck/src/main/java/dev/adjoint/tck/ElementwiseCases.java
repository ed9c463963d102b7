package dev.adjoint.tck;

import dev.adjoint.spi.ElementwiseKernels;
import dev.adjoint.DType;
import dev.adjoint.Shape;
import dev.adjoint.spi.BinaryFunction;
import dev.adjoint.spi.Layout;
import dev.adjoint.spi.UnaryFunction;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.LongToDoubleFunction;

/** Cases of {@link dev.adjoint.spi.ElementwiseKernels}. */
final class ElementwiseCases {
  private static final Shape SPECIAL = Shape.of(96);
  private static final long HALVES = 1 << 16;
  private static final Shape WIDE = Shape.of(301, 257);

  private ElementwiseCases() {}

  static List<KernelGroup> groups(List<DType> floating) {
    List<KernelGroup> groups = new ArrayList<>();
    for (DType dtype : DType.values()) {
      String suffix = "_" + dtype.suffix();
      if (floating.contains(dtype)) {
        for (UnaryFunction function : UnaryFunction.values()) {
          groups.add(new KernelGroup(function.symbol() + suffix, c -> unary(function, dtype, c)));
          if (!dtype.isHalf() || function.saves() != UnaryFunction.Saves.OUTPUT) {
            groups.add(
                new KernelGroup(
                    function.symbol() + "_grad" + suffix, c -> unaryGrad(function, dtype, c)));
          }
        }
      }
      for (BinaryFunction function : BinaryFunction.values()) {
        if (floating.contains(dtype) || (!dtype.isFloating() && accepts(function, dtype))) {
          groups.add(new KernelGroup(function.symbol() + suffix, c -> binary(function, dtype, c)));
          groups.add(
              new KernelGroup(
                  function.symbol() + "_scalar" + suffix, c -> binaryScalar(function, dtype, c)));
        }
      }
      groups.add(new KernelGroup("where" + suffix, c -> where(dtype, c)));
      groups.add(new KernelGroup("copy" + suffix, c -> copy(dtype, c)));
      groups.add(new KernelGroup("fill" + suffix, c -> fill(dtype, c)));
      for (DType to : DType.values()) {
        if (to != dtype) {
          groups.add(new KernelGroup("cast" + suffix + "_" + to.suffix(), c -> cast(dtype, to, c)));
        }
      }
    }
    return groups;
  }

  /** Puts a case at every size and shape, with many pairs of placements. */
  private interface OneToOne {
    KernelCase at(Shape shape, Placement from, Placement to);

    default void sweep(Consumer<KernelCase> check) {
      for (long size : Samples.sizes()) {
        check.accept(at(Shape.of(size), Placement.DENSE, Placement.DENSE));
        check.accept(at(Shape.of(size), Placement.SHIFTED, Placement.SHIFTED));
      }
      for (Shape shape : Samples.SHAPES) {
        for (Placement from : Placement.ALL) {
          check.accept(at(shape, from, Placement.DENSE));
          check.accept(at(shape, from, from.distinct(shape.rank())));
        }
      }
      check.accept(at(Samples.LARGE, Placement.DENSE, Placement.DENSE));
      check.accept(at(Samples.LARGE, Placement.STEPPED, Placement.DENSE));
      check.accept(at(WIDE, Placement.DENSE, Placement.TRANSPOSED));
      check.accept(at(WIDE, Placement.TRANSPOSED, Placement.DENSE));
      check.accept(at(WIDE, Placement.REPEATED_ROWS, Placement.DENSE));
    }
  }

  // ---- unary and its gradient ----

  private static void unary(UnaryFunction function, DType dtype, Consumer<KernelCase> check) {
    LongToDoubleFunction values = arguments(function);
    OneToOne sweep = (shape, from, to) -> unary(function, dtype, shape, from, to, values);
    sweep.sweep(check);
    LongToDoubleFunction special = Samples.cycle(Samples.special(dtype));
    check.accept(unary(function, dtype, SPECIAL, Placement.DENSE, Placement.DENSE, special));
    check.accept(unary(function, dtype, SPECIAL, Placement.STEPPED, Placement.DENSE, special));
    Operand x = Operand.updated(dtype, Placement.SHIFTED.of(Shape.of(3, 45)), values);
    check.accept(
        KernelCase.of(
                function.symbol() + " in place",
                OpCatalog.tolerance(function),
                stage -> new ElementwiseKernels.Unary(function, stage.view(0), stage.view(0)),
                x)
            .withScale(i -> size(x, i)));
  }

  private static KernelCase unary(
      UnaryFunction function,
      DType dtype,
      Shape shape,
      Placement from,
      Placement to,
      LongToDoubleFunction values) {
    Operand x = Operand.input(dtype, from.of(shape), values);
    return KernelCase.of(
            function.symbol(),
            OpCatalog.tolerance(function),
            stage -> new ElementwiseKernels.Unary(function, stage.view(0), stage.view(1)),
            x,
            Operand.output(dtype, to.of(shape)))
        .withScale(i -> size(x, i));
  }

  private static void unaryGrad(UnaryFunction function, DType dtype, Consumer<KernelCase> check) {
    LongToDoubleFunction values = arguments(function);
    OneToOne sweep = (shape, from, to) -> unaryGrad(function, dtype, shape, from, to, values);
    sweep.sweep(check);
    LongToDoubleFunction special = Samples.cycle(Samples.special(dtype));
    check.accept(unaryGrad(function, dtype, SPECIAL, Placement.DENSE, Placement.DENSE, special));
  }

  private static KernelCase unaryGrad(
      UnaryFunction function,
      DType dtype,
      Shape shape,
      Placement from,
      Placement to,
      LongToDoubleFunction values) {
    LongToDoubleFunction saved =
        function.saves() == UnaryFunction.Saves.OUTPUT
            ? i -> function.apply(values.applyAsDouble(i))
            : values;
    // The saved value mostly lies elsewhere than the gradient.
    Placement third = from.distinct((int) shape.numel());
    Operand grad = Operand.input(dtype, from.of(shape), Samples.uniform(shape.numel(), -2, 2));
    Operand value = Operand.input(dtype, third.of(shape), saved);
    return KernelCase.of(
            function.symbol() + "_grad",
            OpCatalog.gradTolerance(function),
            stage ->
                new ElementwiseKernels.UnaryGrad(
                    function, stage.view(0), stage.view(1), stage.view(2)),
            grad,
            value,
            Operand.output(dtype, to.of(shape)))
        .withScale(i -> size(grad, i) * size(value, i));
  }

  /** Mostly of ordinary size, some large, some tiny. */
  private static LongToDoubleFunction arguments(UnaryFunction function) {
    LongToDoubleFunction unit = Samples.uniform(function.symbol().hashCode(), -1, 1);
    return i -> unit.applyAsDouble(i) * (i % 7 == 3 ? 120 : i % 7 == 5 ? 1e-3 : 6);
  }

  private static double size(Operand operand, long i) {
    return Math.max(1, Math.abs(operand.get(i)));
  }

  // ---- binary ----

  private static boolean accepts(BinaryFunction function, DType integers) {
    return integers == DType.BOOL
        ? function == BinaryFunction.EQ || function == BinaryFunction.NE
        : !function.floatingOnly();
  }

  private static void binary(BinaryFunction function, DType dtype, Consumer<KernelCase> check) {
    LongToDoubleFunction as = left(function, dtype);
    LongToDoubleFunction bs = right(function, dtype, as);
    Placement dense = Placement.DENSE;
    Placement shifted = Placement.SHIFTED;
    for (long size : Samples.sizes()) {
      Shape shape = Shape.of(size);
      check.accept(binary(function, dtype, shape, dense, dense, dense, as, bs));
      check.accept(binary(function, dtype, shape, shifted, dense, shifted, as, bs));
      check.accept(binary(function, dtype, shape, dense, Placement.REPEATED, dense, as, bs));
      check.accept(binary(function, dtype, shape, Placement.REPEATED, dense, dense, as, bs));
    }
    for (Shape shape : Samples.SHAPES) {
      for (Placement a : Placement.ALL) {
        int turn = 0;
        for (Placement b : Placement.ALL) {
          check.accept(binary(function, dtype, shape, a, b, a.distinct(turn++), as, bs));
        }
      }
    }
    for (Placement b :
        List.of(Placement.REPEATED_ROWS, Placement.REPEATED_COLS, Placement.TRANSPOSED)) {
      check.accept(binary(function, dtype, WIDE, Placement.DENSE, b, Placement.DENSE, as, bs));
      check.accept(binary(function, dtype, WIDE, b, Placement.TRANSPOSED, Placement.DENSE, as, bs));
    }
    binarySpecial(function, dtype, check);
    if (!function.isComparison()) {
      binaryInPlace(function, dtype, as, bs, check);
    }
  }

  private static KernelCase binary(
      BinaryFunction function,
      DType dtype,
      Shape shape,
      Placement a,
      Placement b,
      Placement to,
      LongToDoubleFunction as,
      LongToDoubleFunction bs) {
    return KernelCase.of(
        function.symbol(),
        OpCatalog.tolerance(function),
        stage ->
            new ElementwiseKernels.Binary(function, stage.view(0), stage.view(1), stage.view(2)),
        Operand.input(dtype, a.of(shape), as),
        Operand.input(dtype, b.of(shape), bs),
        Operand.output(result(function, dtype), to.of(shape)));
  }

  /** Every special value with every other one. */
  private static void binarySpecial(
      BinaryFunction function, DType dtype, Consumer<KernelCase> check) {
    if (dtype.isFloating()) {
      double[] special = Samples.special(dtype);
      Shape all = Shape.of(special.length, special.length);
      check.accept(
          binary(
              function,
              dtype,
              all,
              Placement.REPEATED_COLS,
              Placement.REPEATED_ROWS,
              Placement.DENSE,
              i -> special[(int) (i / special.length)],
              Samples.cycle(special)));
    }
  }

  private static void binaryInPlace(
      BinaryFunction function,
      DType dtype,
      LongToDoubleFunction as,
      LongToDoubleFunction bs,
      Consumer<KernelCase> check) {
    Shape shape = Shape.of(3, 45);
    for (Placement a : Placement.DISTINCT) {
      check.accept(
          KernelCase.of(
              function.symbol() + " into its first operand",
              OpCatalog.tolerance(function),
              stage ->
                  new ElementwiseKernels.Binary(
                      function, stage.view(0), stage.view(1), stage.view(0)),
              Operand.updated(dtype, a.of(shape), as),
              Operand.input(dtype, Placement.SHIFTED.of(shape), bs)));
      check.accept(
          KernelCase.of(
              function.symbol() + " into its second operand",
              OpCatalog.tolerance(function),
              stage ->
                  new ElementwiseKernels.Binary(
                      function, stage.view(0), stage.view(1), stage.view(1)),
              Operand.input(dtype, a.of(shape), as),
              Operand.updated(dtype, Placement.DENSE.of(shape), bs)));
    }
  }

  private static void binaryScalar(
      BinaryFunction function, DType dtype, Consumer<KernelCase> check) {
    double[] scalars =
        switch (dtype) {
          case F32, F64, BF16 ->
              new double[] {
                0,
                0.1,
                -2.5,
                1e-3,
                1e30,
                -0.0,
                1,
                Double.NaN,
                Double.POSITIVE_INFINITY,
                Double.NEGATIVE_INFINITY
              };
          case I32, I64 -> new double[] {0, 1, -3, 1 << 30};
          case BOOL -> new double[] {0, 1};
          case F16 -> throw new IllegalArgumentException(dtype + " has no arithmetic");
        };
    for (boolean scalarFirst : new boolean[] {false, true}) {
      OneToOne sweep =
          (shape, from, to) ->
              binaryScalar(
                  function, dtype, shape, from, to, dtype == DType.BOOL ? 1 : 2.5, scalarFirst);
      sweep.sweep(check);
      for (double scalar : scalars) {
        check.accept(
            binaryScalar(
                function,
                dtype,
                Shape.of(45),
                Placement.DENSE,
                Placement.DENSE,
                scalar,
                scalarFirst));
      }
    }
  }

  private static KernelCase binaryScalar(
      BinaryFunction function,
      DType dtype,
      Shape shape,
      Placement from,
      Placement to,
      double scalar,
      boolean scalarFirst) {
    return KernelCase.of(
        function.symbol() + (scalarFirst ? " of " + scalar + " and" : " with " + scalar),
        OpCatalog.tolerance(function),
        stage ->
            new ElementwiseKernels.BinaryScalar(
                function, stage.view(0), stage.view(1), scalar, scalarFirst),
        Operand.input(dtype, from.of(shape), left(function, dtype)),
        Operand.output(result(function, dtype), to.of(shape)));
  }

  private static DType result(BinaryFunction function, DType dtype) {
    return function.isComparison() ? DType.BOOL : dtype;
  }

  private static LongToDoubleFunction left(BinaryFunction function, DType dtype) {
    return function == BinaryFunction.POW
        ? Samples.uniform(1, 0, 4)
        : Samples.any(function.symbol().hashCode(), dtype);
  }

  /** Second operands; every fifth equals the first, for comparisons. */
  private static LongToDoubleFunction right(
      BinaryFunction function, DType dtype, LongToDoubleFunction left) {
    LongToDoubleFunction other = Samples.any(~function.symbol().hashCode(), dtype);
    return i -> (i % 5 == 0 ? left : other).applyAsDouble(i);
  }

  // ---- moves ----

  private static void where(DType dtype, Consumer<KernelCase> check) {
    LongToDoubleFunction as = Samples.any(1, dtype);
    LongToDoubleFunction bs = Samples.any(2, dtype);
    LongToDoubleFunction mask = Samples.integers(3, DType.BOOL);
    // The condition lies like one of the two values.
    for (boolean likeSecond : new boolean[] {false, true}) {
      OneToOne sweep =
          (shape, from, to) ->
              KernelCase.of(
                  "where",
                  Tolerance.EXACT,
                  stage ->
                      new ElementwiseKernels.Where(
                          stage.view(0), stage.view(1), stage.view(2), stage.view(3)),
                  Operand.input(DType.BOOL, (likeSecond ? to : from).of(shape), mask),
                  Operand.input(dtype, from.of(shape), as),
                  Operand.input(dtype, to.of(shape), bs),
                  Operand.output(dtype, Placement.DENSE.of(shape)));
      sweep.sweep(check);
    }
  }

  private static void copy(DType dtype, Consumer<KernelCase> check) {
    OneToOne sweep =
        (shape, from, to) ->
            KernelCase.of(
                "copy",
                Tolerance.EXACT,
                stage -> new ElementwiseKernels.Copy(stage.view(0), stage.view(1)),
                Operand.input(dtype, from.of(shape), Samples.any(shape.numel(), dtype)),
                Operand.output(dtype, to.of(shape)));
    sweep.sweep(check);
  }

  private static void cast(DType from, DType to, Consumer<KernelCase> check) {
    LongToDoubleFunction values =
        from.isFloating() ? Samples.uniform(5, -1000, 1000) : Samples.integers(5, from);
    OneToOne sweep =
        (shape, x, out) ->
            cast(
                from,
                to,
                x.of(shape),
                out.of(shape),
                i -> i % 9 == 4 ? 0 : i % 9 == 7 ? 0.4 : values.applyAsDouble(i));
    sweep.sweep(check);
    if (from.isHalf()) {
      check.accept(castDense(from, to, HALVES, i -> Samples.half(from, i)));
    } else if (to.isHalf() && from.isFloating()) {
      // Every number of 16 bits and what lies half-way to the next one, and their neighbours.
      check.accept(
          castDense(
              from,
              to,
              6 * HALVES,
              i -> {
                double x = Samples.half(to, i / 6);
                double next = Samples.half(to, i / 6 + 1);
                double place = i % 2 == 0 ? x : x + (next - x) / 2;
                double ulp = Tolerance.ulp(from, place);
                return place + (i % 6 / 2 - 1) * ulp;
              }));
    }
  }

  private static KernelCase castDense(
      DType from, DType to, long count, LongToDoubleFunction values) {
    Layout dense = Placement.DENSE.of(Shape.of(count));
    return cast(from, to, dense, dense, values);
  }

  private static KernelCase cast(
      DType from, DType to, Layout x, Layout out, LongToDoubleFunction values) {
    return KernelCase.of(
        "cast",
        Tolerance.EXACT,
        stage -> new ElementwiseKernels.Cast(stage.view(0), stage.view(1)),
        Operand.input(from, x, values),
        Operand.output(to, out));
  }

  private static void fill(DType dtype, Consumer<KernelCase> check) {
    for (double value : new double[] {0, 1, 3, -2.5, Double.NaN}) {
      if (dtype.isFloating() || !Double.isNaN(value)) {
        OneToOne sweep =
            (shape, from, to) ->
                KernelCase.of(
                    "fill with " + value,
                    Tolerance.EXACT,
                    stage -> new ElementwiseKernels.Fill(stage.view(0), value),
                    Operand.output(dtype, to.of(shape)));
        sweep.sweep(check);
      }
    }
  }
}
