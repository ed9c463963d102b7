package dev.adjoint.tck;

import dev.adjoint.spi.OptimizerKernels;
import dev.adjoint.DType;
import dev.adjoint.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.LongToDoubleFunction;

/** Cases of {@link dev.adjoint.spi.OptimizerKernels}: several steps over several tensors. */
final class OptimizerCases {
  private static final int STEPS = 4;
  private static final Tolerance STEPPED = Tolerance.ulps(8).orUnits(16);

  private OptimizerCases() {}

  static List<KernelGroup> groups() {
    List<KernelGroup> groups = new ArrayList<>();
    for (DType dtype : List.of(DType.F32, DType.F64)) {
      String suffix = "_" + dtype.suffix();
      groups.add(new KernelGroup("sgd" + suffix, c -> lengths().forEach(n -> sgd(dtype, n, c))));
      groups.add(
          new KernelGroup(
              "adamw" + suffix, c -> lengths().forEach(n -> c.accept(adamW(dtype, n)))));
      groups.add(
          new KernelGroup(
              "scale" + suffix, c -> lengths().forEach(n -> c.accept(scale(dtype, n)))));
    }
    return groups;
  }

  /** Lengths of the tensors that one call works on. */
  private static List<long[]> lengths() {
    List<long[]> lengths = new ArrayList<>();
    for (long size : Samples.sizes()) {
      lengths.add(new long[] {size});
    }
    lengths.add(new long[] {3, 0, 64, 1, 17});
    lengths.add(new long[] {50_000, 5, 70_001});
    return lengths;
  }

  private static void sgd(DType dtype, long[] lengths, Consumer<KernelCase> check) {
    check.accept(sgd(dtype, lengths, 0, 0, 0, false));
    check.accept(sgd(dtype, lengths, 0, 0, 0.01, false));
    check.accept(sgd(dtype, lengths, 0.9, 0, 0, false));
    check.accept(sgd(dtype, lengths, 0.9, 0.1, 0.01, false));
    check.accept(sgd(dtype, lengths, 0.9, 0, 0.01, true));
  }

  private static KernelCase sgd(
      DType dtype,
      long[] lengths,
      double momentum,
      double dampening,
      double weightDecay,
      boolean nesterov) {
    int n = lengths.length;
    List<Operand> operands = weightsAndGradients(dtype, lengths);
    if (momentum != 0) {
      // Their contents are not read at the first step.
      for (long length : lengths) {
        operands.add(Operand.output(dtype, Placement.DENSE.of(Shape.of(length))));
      }
    }
    return new KernelCase(
        "sgd momentum " + momentum + " decay " + weightDecay + (nesterov ? " nesterov" : ""),
        operands,
        STEPPED,
        i -> 2,
        STEPS,
        stage ->
            new OptimizerKernels.Sgd(
                stage.view(0),
                momentum,
                dampening,
                weightDecay,
                nesterov,
                stage.views(1, n + 1),
                stage.views(n + 1, 2 * n + 1),
                momentum == 0 ? List.of() : stage.views(2 * n + 1, 3 * n + 1)));
  }

  private static KernelCase adamW(DType dtype, long[] lengths) {
    int n = lengths.length;
    List<Operand> operands = weightsAndGradients(dtype, lengths);
    for (long length : lengths) {
      operands.add(updated(dtype, length, i -> 0));
    }
    for (long length : lengths) {
      operands.add(updated(dtype, length, i -> 0));
    }
    return new KernelCase(
        "adamw",
        operands,
        STEPPED,
        i -> 2,
        STEPS,
        stage ->
            new OptimizerKernels.AdamW(
                stage.view(0),
                0.9,
                0.999,
                1e-8,
                0.01,
                stage.views(1, n + 1),
                stage.views(n + 1, 2 * n + 1),
                stage.views(2 * n + 1, 3 * n + 1),
                stage.views(3 * n + 1, 4 * n + 1)));
  }

  private static List<Operand> weightsAndGradients(DType dtype, long[] lengths) {
    List<Operand> operands = new ArrayList<>();
    operands.add(updated(DType.F64, 2, i -> i == 0 ? 0.01 : 0));
    for (long length : lengths) {
      operands.add(updated(dtype, length, Samples.uniform(length, -2, 2)));
    }
    for (long length : lengths) {
      operands.add(
          Operand.input(
              dtype, Placement.DENSE.of(Shape.of(length)), Samples.uniform(-length, -1, 1)));
    }
    return operands;
  }

  private static KernelCase scale(DType dtype, long[] lengths) {
    List<Operand> operands = new ArrayList<>();
    operands.add(Operand.input(dtype, Placement.DENSE.of(Shape.of(1)), i -> 0.3));
    for (long length : lengths) {
      operands.add(updated(dtype, length, Samples.uniform(length, -2, 2)));
    }
    return new KernelCase(
        "scale",
        operands,
        Tolerance.EXACT,
        i -> 1,
        1,
        stage -> new OptimizerKernels.Scale(stage.view(0), stage.views(1, operands.size())));
  }

  private static Operand updated(DType dtype, long length, LongToDoubleFunction values) {
    return Operand.updated(dtype, Placement.DENSE.of(Shape.of(length)), values);
  }
}
