package dev.adjoint.tck;

import dev.adjoint.spi.IndexKernels;
import dev.adjoint.spi.LossKernels;
import dev.adjoint.DType;
import dev.adjoint.Shape;
import dev.adjoint.spi.Backend;
import dev.adjoint.spi.KernelCall;
import dev.adjoint.spi.KernelStatusException;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Indices outside their range: refused before anything is written; by an asynchronous backend
 * without writing the rows that have one, and named at the next synchronisation.
 */
final class IndexErrors {
  private static final long ROWS = 5;
  private static final long COUNT = 40;
  private static final long WIDTH = 3;

  private IndexErrors() {}

  /**
   * A kernel with an index operand.
   *
   * @param perIndex which operands have a row for each index that the kernel writes
   */
  private record Refusal(
      String name,
      List<Operand> operands,
      List<Integer> perIndex,
      KernelCase.KernelFactory kernel) {}

  /** Checks every kernel that takes indices. */
  static void check(Backend backend) {
    try (Stage stage = new Stage(backend)) {
      for (DType dtype : List.of(DType.F32, DType.F64)) {
        for (long bad : new long[] {-1, ROWS, Long.MIN_VALUE, Long.MAX_VALUE}) {
          for (int place : new int[] {0, 17, (int) COUNT - 1}) {
            for (Refusal refusal : refusals(dtype, indices(bad, place))) {
              check(stage, refusal, place);
            }
          }
        }
      }
    }
  }

  private static Operand indices(long bad, int place) {
    long[] values = new long[(int) COUNT];
    for (int i = 0; i < values.length; i++) {
      values[i] = i == place ? bad : i % ROWS;
    }
    return Operand.indices(values);
  }

  private static List<Refusal> refusals(DType dtype, Operand indices) {
    Operand table =
        Operand.updated(dtype, Placement.DENSE.of(Shape.of(ROWS, WIDTH)), Samples.uniform(1, 0, 1));
    Operand rows =
        Operand.updated(
            dtype, Placement.DENSE.of(Shape.of(COUNT, WIDTH)), Samples.uniform(2, 0, 1));
    Operand logits =
        Operand.updated(dtype, Placement.DENSE.of(Shape.of(COUNT, ROWS)), Samples.uniform(3, 0, 1));
    Operand perRow = Operand.output(dtype, Placement.DENSE.of(Shape.of(COUNT)));
    Operand twoPerRow = Operand.output(dtype, Placement.DENSE.of(Shape.of(COUNT, 2)));
    return List.of(
        new Refusal(
            "gather",
            List.of(table, indices, rows),
            List.of(2),
            stage -> new IndexKernels.Gather(stage.view(0), stage.view(1), stage.view(2))),
        new Refusal(
            "scatter_add",
            List.of(rows, indices, table),
            List.of(),
            stage -> new IndexKernels.ScatterAdd(stage.view(0), stage.view(1), stage.view(2))),
        new Refusal(
            "cross_entropy",
            List.of(logits, indices, perRow, twoPerRow),
            List.of(2, 3),
            stage ->
                new LossKernels.CrossEntropy(
                    stage.view(0), stage.view(1), stage.view(2), stage.view(3), -100)));
  }

  private static void check(Stage stage, Refusal refusal, int place) {
    stage.load(refusal.operands());
    KernelCall call = stage.call(refusal.kernel().create(stage));
    expectRefusal(refusal, () -> stage.run(call));
    expectRefusal(refusal, () -> stage.replay(List.of(call)));
    if (stage.backend().isAsynchronous()) {
      for (int k : refusal.perIndex()) {
        checkSkipped(refusal, k, stage.image(k), place);
      }
      return;
    }
    for (int k = 0; k < refusal.operands().size(); k++) {
      if (stage.image(k).mismatch(refusal.operands().get(k).image()) >= 0) {
        throw new AssertionError(refusal.name() + ": wrote before it refused an index");
      }
    }
  }

  /** The row of the refused index, and no other, is as it was. */
  private static void checkSkipped(Refusal refusal, int k, MemorySegment found, int place) {
    Operand operand = refusal.operands().get(k);
    long width = operand.layout().numel() / COUNT;
    for (long i = 0; i < operand.layout().numel(); i++) {
      boolean same = Double.compare(operand.get(i), operand.get(found, i)) == 0;
      if (same != (i / width == place)) {
        throw new AssertionError(
            refusal.name() + ": " + (same ? "skipped" : "wrote") + " row " + i / width);
      }
    }
  }

  private static void expectRefusal(Refusal refusal, Runnable run) {
    try {
      run.run();
    } catch (KernelStatusException e) {
      boolean named = String.valueOf(e.getMessage()).contains(refusal.name());
      if (e.status() != KernelStatusException.INDEX_OUT_OF_RANGE || !named) {
        throw new AssertionError(refusal.name() + ": refused with another status or name", e);
      }
      return;
    }
    throw new AssertionError(refusal.name() + ": accepted an index out of range");
  }
}
