package dev.adjoint.tck;

import dev.adjoint.spi.NormKernels;
import dev.adjoint.DType;
import dev.adjoint.Shape;
import dev.adjoint.spi.Kernel;
import dev.adjoint.spi.View;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.LongToDoubleFunction;
import org.jspecify.annotations.Nullable;

/** Cases of {@link dev.adjoint.spi.NormKernels}. */
final class NormCases {
  private static final double EPS = 1e-5;

  /** Some roundoffs of values near 1, of which each is a few roundings away. */
  private static final Tolerance ROWS = Tolerance.ulps(8).orUnits(16);

  private NormCases() {}

  static List<KernelGroup> groups(List<DType> floating) {
    List<KernelGroup> groups = new ArrayList<>();
    for (DType dtype : floating) {
      String suffix = "_" + dtype.suffix();
      groups.add(new KernelGroup("softmax" + suffix, c -> softmax(dtype, c)));
      if (!dtype.isHalf()) {
        groups.add(new KernelGroup("softmax_grad" + suffix, c -> softmaxGrad(dtype, c)));
      }
      groups.add(new KernelGroup("layer_norm" + suffix, c -> norm(dtype, true, c)));
      groups.add(new KernelGroup("rms_norm" + suffix, c -> norm(dtype, false, c)));
      groups.add(new KernelGroup("layer_norm_grad" + suffix, c -> normGrad(dtype, true, c)));
      groups.add(new KernelGroup("rms_norm_grad" + suffix, c -> normGrad(dtype, false, c)));
    }
    return groups;
  }

  /** Matrices of every number of columns, of none, and large ones. */
  static List<Shape> matrices() {
    List<Shape> shapes = new ArrayList<>();
    for (long cols : Samples.sizes()) {
      shapes.add(Shape.of(3, cols));
    }
    shapes.add(Shape.of(0, 5));
    shapes.add(Shape.of(1, 1000));
    shapes.add(Shape.of(5003, 3)); // short rows, which may be taken many at a time
    shapes.add(Shape.of(70, 15));
    shapes.add(Shape.of(70, 768));
    shapes.add(Shape.of(2003, 33));
    return shapes;
  }

  private static void softmax(DType dtype, Consumer<KernelCase> check) {
    for (Shape shape : matrices()) {
      for (double spread : new double[] {4, 80}) {
        LongToDoubleFunction values = Samples.uniform(shape.numel(), -spread, spread);
        check.accept(softmax(dtype, shape, false, values));
        check.accept(softmax(dtype, shape, true, values));
      }
    }
    // Neither differences nor exponentials of these may overflow.
    LongToDoubleFunction huge = Samples.uniform(1, 9e29, 1e30);
    double inf = Double.POSITIVE_INFINITY;
    for (boolean log : new boolean[] {false, true}) {
      for (Shape shape : List.of(Shape.of(2, 19), Shape.of(4, 9))) {
        check.accept(softmax(dtype, shape, log, huge));
        check.accept(softmax(dtype, shape, log, Samples.cycle(1, -inf, 2)));
        check.accept(softmax(dtype, shape, log, Samples.cycle(-inf)));
        check.accept(softmax(dtype, shape, log, i -> i == 21 ? inf : 1));
        check.accept(softmax(dtype, shape, log, i -> i == 21 ? Double.NaN : 1));
      }
      check.accept(softmaxInPlace(dtype, log));
    }
  }

  private static KernelCase softmax(
      DType dtype, Shape shape, boolean log, LongToDoubleFunction values) {
    Operand x = Operand.input(dtype, Placement.SHIFTED.of(shape), values);
    return KernelCase.of(
            log ? "log_softmax" : "softmax",
            Tolerance.ulps(8).orUnits(log ? 8 : 4),
            stage -> softmax(log, stage.view(0), stage.view(1)),
            x,
            Operand.output(dtype, Placement.SHIFTED.of(shape)))
        .withScale(i -> log ? Math.max(1, Math.abs(x.get(i))) : 1);
  }

  private static KernelCase softmaxInPlace(DType dtype, boolean log) {
    return KernelCase.of(
        log ? "log_softmax in place" : "softmax in place",
        Tolerance.units(16),
        stage -> softmax(log, stage.view(0), stage.view(0)),
        Operand.updated(dtype, Placement.DENSE.of(Shape.of(5, 37)), Samples.uniform(1, -3, 3)));
  }

  private static Kernel softmax(boolean log, View x, View out) {
    return log ? new NormKernels.LogSoftmax(x, out) : new NormKernels.Softmax(x, out);
  }

  private static void softmaxGrad(DType dtype, Consumer<KernelCase> check) {
    for (Shape shape : matrices()) {
      double cols = shape.size(1);
      Operand grad =
          Operand.input(dtype, Placement.DENSE.of(shape), Samples.uniform(shape.numel(), -1, 1));
      Operand out = Operand.output(dtype, Placement.SHIFTED.of(shape));
      Operand y =
          Operand.input(dtype, Placement.SHIFTED.of(shape), Samples.uniform(7, 0, 2 / cols));
      check.accept(
          KernelCase.of(
              "softmax_grad",
              ROWS,
              stage -> new NormKernels.SoftmaxGrad(stage.view(0), stage.view(1), stage.view(2)),
              grad,
              y,
              out));
      Operand logY =
          Operand.input(
              dtype,
              Placement.SHIFTED.of(shape),
              i -> Math.log(cols) * -1 + Samples.uniform(8, -1, 1).applyAsDouble(i));
      check.accept(
          KernelCase.of(
              "log_softmax_grad",
              ROWS,
              stage -> new NormKernels.LogSoftmaxGrad(stage.view(0), stage.view(1), stage.view(2)),
              grad,
              logY,
              out));
    }
  }

  private static void norm(DType dtype, boolean centred, Consumer<KernelCase> check) {
    for (Shape shape : matrices()) {
      for (int given = 0; given < 4; given++) {
        boolean weighted = (given & 1) != 0;
        boolean biased = (given & 2) != 0;
        if (centred || !biased) {
          norm(dtype, centred, shape, weighted, biased, 0, check);
        }
      }
    }
    // Far from 0, where the squares' mean minus the mean's square would cancel.
    norm(dtype, centred, Shape.of(3, 100), true, false, 1000, check);
  }

  private static void norm(
      DType dtype,
      boolean centred,
      Shape shape,
      boolean weighted,
      boolean biased,
      double centre,
      Consumer<KernelCase> check) {
    Shape rows = Shape.of(shape.size(0));
    Shape cols = Shape.of(shape.size(1));
    DType wide = dtype.widened();
    KernelCase one =
        KernelCase.of(
            centred ? "layer_norm" : "rms_norm",
            ROWS,
            stage -> {
              View weight = weighted ? stage.view(1) : null;
              View bias = biased ? stage.view(2) : null;
              return centred
                  ? new NormKernels.LayerNorm(
                      stage.view(0), weight, bias, stage.view(3), stage.view(5), stage.view(4), EPS)
                  : new NormKernels.RmsNorm(
                      stage.view(0), weight, stage.view(3), stage.view(4), EPS);
            },
            Operand.input(
                dtype, Placement.SHIFTED.of(shape), Samples.uniform(1, centre - 2, centre + 2)),
            Operand.input(wide, Placement.DENSE.of(cols), Samples.uniform(2, -2, 2)),
            Operand.input(wide, Placement.DENSE.of(cols), Samples.uniform(3, -2, 2)),
            Operand.output(dtype, Placement.SHIFTED.of(shape)),
            Operand.output(wide, Placement.DENSE.of(rows)),
            Operand.output(wide, Placement.DENSE.of(centred ? rows : Shape.of(0))));
    // A row of few elements can be nearly constant: rstd and what hangs on it grow to 1/√eps.
    double steepness = shape.size(1) < 8 ? 50 : 2;
    check.accept(one.withScale(i -> Math.max(steepness, centre)));
  }

  private static void normGrad(DType dtype, boolean centred, Consumer<KernelCase> check) {
    for (Shape shape : matrices()) {
      for (int wanted = 0; wanted < 8; wanted++) {
        normGrad(dtype, centred, shape, wanted, wanted % 3 != 0, check);
      }
    }
  }

  /** The bits of {@code wanted} ask for the gradients of x, weight and bias. */
  private static void normGrad(
      DType dtype,
      boolean centred,
      Shape shape,
      int wanted,
      boolean weighted,
      Consumer<KernelCase> check) {
    Shape rows = Shape.of(shape.size(0));
    Shape cols = Shape.of(shape.size(1));
    DType wide = dtype.widened();
    check.accept(
        KernelCase.of(
                centred ? "layer_norm_grad" : "rms_norm_grad",
                ROWS,
                stage -> {
                  View weight = weighted ? stage.view(2) : null;
                  View gradX = wanted(stage, wanted, 5);
                  View gradWeight = wanted(stage, wanted >> 1, 6);
                  View gradBias = wanted(stage, wanted >> 2, 7);
                  View x = stage.view(1);
                  return centred
                      ? new NormKernels.LayerNormGrad(
                          stage.view(0),
                          x,
                          weight,
                          stage.view(3),
                          stage.view(4),
                          gradX,
                          gradWeight,
                          gradBias)
                      : new NormKernels.RmsNormGrad(
                          stage.view(0), x, weight, stage.view(4), gradX, gradWeight);
                },
                Operand.input(dtype, Placement.SHIFTED.of(shape), Samples.uniform(1, -1, 1)),
                Operand.input(dtype, Placement.DENSE.of(shape), Samples.uniform(2, -2, 2)),
                Operand.input(wide, Placement.DENSE.of(cols), Samples.uniform(3, -2, 2)),
                Operand.input(wide, Placement.DENSE.of(rows), Samples.uniform(4, -0.5, 0.5)),
                Operand.input(wide, Placement.DENSE.of(rows), Samples.uniform(5, 0.5, 2)),
                Operand.output(dtype, Placement.SHIFTED.of(shape)),
                Operand.output(wide, Placement.DENSE.of(cols)),
                Operand.output(wide, Placement.DENSE.of(cols)))
            // Weight times rstd is up to 4; column sums round in proportion to the sum of their
            // terms' absolute values.
            .withScale(i -> wanted == 1 ? 4 : Math.max(4, shape.size(0) / 4.0)));
  }

  private static @Nullable View wanted(Stage stage, int bits, int operand) {
    return (bits & 1) != 0 ? stage.view(operand) : null;
  }
}
