package dev.adjoint.tck;

import dev.adjoint.spi.LossKernels;
import dev.adjoint.DType;
import dev.adjoint.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.LongToDoubleFunction;
import java.util.stream.LongStream;

/** Cases of {@link dev.adjoint.spi.LossKernels}. */
final class LossCases {
  private static final long IGNORED = -100;

  private LossCases() {}

  static List<KernelGroup> groups(List<DType> floating) {
    List<KernelGroup> groups = new ArrayList<>();
    for (DType dtype : floating) {
      String suffix = "_" + dtype.suffix();
      groups.add(new KernelGroup("cross_entropy" + suffix, c -> crossEntropy(dtype, c)));
      groups.add(new KernelGroup("cross_entropy_grad" + suffix, c -> crossEntropyGrad(dtype, c)));
    }
    return groups;
  }

  private static void crossEntropy(DType dtype, Consumer<KernelCase> check) {
    for (Shape shape : NormCases.matrices()) {
      for (double spread : new double[] {4, 60}) {
        LongToDoubleFunction values = Samples.uniform(shape.numel(), -spread, spread);
        check.accept(crossEntropy(dtype, shape, Placement.SHIFTED, IGNORED, values));
      }
      // A class of its own may be the ignored one.
      check.accept(crossEntropy(dtype, shape, Placement.PITCHED, 0, Samples.uniform(1, -2, 2)));
    }
    LongToDoubleFunction masked = i -> i % 3 == 2 ? Double.NEGATIVE_INFINITY : 1;
    LongToDoubleFunction oneNan = i -> i == 12 ? Double.NaN : 1;
    for (LongToDoubleFunction values : List.of(masked, oneNan)) {
      check.accept(crossEntropy(dtype, Shape.of(4, 9), Placement.SHIFTED, IGNORED, values));
    }
  }

  private static KernelCase crossEntropy(
      DType dtype, Shape shape, Placement placement, long ignored, LongToDoubleFunction values) {
    Shape rows = Shape.of(shape.size(0));
    return KernelCase.of(
            "cross_entropy ignoring " + ignored,
            Tolerance.units(8),
            stage ->
                new LossKernels.CrossEntropy(
                    stage.view(0), stage.view(1), stage.view(2), stage.view(3), ignored),
            Operand.input(dtype, placement.of(shape), values),
            targets(shape, ignored),
            Operand.output(dtype.widened(), Placement.DENSE.of(rows)),
            Operand.output(dtype.widened(), Placement.DENSE.of(Shape.of(shape.size(0), 2))))
        .withScale(i -> 64);
  }

  private static void crossEntropyGrad(DType dtype, Consumer<KernelCase> check) {
    for (Shape shape : NormCases.matrices()) {
      for (Placement grad : List.of(Placement.DENSE, Placement.STEPPED, Placement.REPEATED)) {
        check.accept(crossEntropyGrad(dtype, shape, grad, Placement.SHIFTED, Placement.SHIFTED));
      }
      for (Placement logits : List.of(Placement.SHIFTED, Placement.PITCHED)) {
        check.accept(crossEntropyGrad(dtype, shape, Placement.DENSE, logits, Placement.PITCHED));
      }
    }
  }

  private static KernelCase crossEntropyGrad(
      DType dtype, Shape shape, Placement grad, Placement logits, Placement out) {
    Shape rows = Shape.of(shape.size(0));
    double logSum = Math.log(Math.max(1, (double) shape.size(1)));
    LongToDoubleFunction logSums = Samples.uniform(3, logSum, logSum + 1);
    return KernelCase.of(
        "cross_entropy_grad",
        Tolerance.ulps(8).orUnits(16),
        stage ->
            new LossKernels.CrossEntropyGrad(
                stage.view(0), stage.view(1), stage.view(2), stage.view(3), stage.view(4), IGNORED),
        Operand.input(dtype.widened(), grad.of(rows), Samples.uniform(1, -1, 1)),
        Operand.input(dtype, logits.of(shape), Samples.uniform(2, -1, 1)),
        targets(shape, IGNORED),
        Operand.input(
            dtype.widened(),
            Placement.DENSE.of(Shape.of(shape.size(0), 2)),
            i -> i % 2 == 0 ? 1 : logSums.applyAsDouble(i)),
        Operand.output(dtype, out.of(shape)));
  }

  /** Every class in turn, now and then an ignored row. */
  private static Operand targets(Shape shape, long ignored) {
    return Operand.indices(
        LongStream.range(0, shape.size(0))
            .map(r -> r % 5 == 3 ? ignored : r * 7 % shape.size(1))
            .toArray());
  }
}
