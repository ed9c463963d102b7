package dev.adjoint.tck;

import dev.adjoint.DType;
import dev.adjoint.Shape;
import dev.adjoint.spi.Backend;
import dev.adjoint.spi.KernelCall;
import dev.adjoint.spi.KernelStatusException;
import java.util.List;

/** Indices outside their range: refused before anything is written. */
final class IndexErrors {
  private static final long ROWS = 5;
  private static final long COUNT = 40;
  private static final long WIDTH = 3;

  private IndexErrors() {}

  /** A kernel with an index operand. */
  private record Refusal(String name, List<Operand> operands, KernelCase.CallFactory call) {}

  /** Checks every kernel that takes indices. */
  static void check(Backend backend) {
    try (Stage stage = new Stage(backend)) {
      for (DType dtype : List.of(DType.F32, DType.F64)) {
        for (long bad : new long[] {-1, ROWS, Long.MIN_VALUE, Long.MAX_VALUE}) {
          for (int place : new int[] {0, 17, (int) COUNT - 1}) {
            for (Refusal refusal : refusals(dtype, indices(bad, place))) {
              check(stage, refusal);
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
    return List.of(
        new Refusal(
            "gather",
            List.of(table, indices, rows),
            (backend, stage) -> backend.gather(stage.view(0), stage.view(1), stage.view(2))),
        new Refusal(
            "scatter_add",
            List.of(rows, indices, table),
            (backend, stage) -> backend.scatterAdd(stage.view(0), stage.view(1), stage.view(2))),
        new Refusal(
            "cross_entropy",
            List.of(logits, indices, perRow, perRow),
            (backend, stage) ->
                backend.crossEntropy(
                    stage.view(0), stage.view(1), -100, stage.view(2), stage.view(3))));
  }

  private static void check(Stage stage, Refusal refusal) {
    stage.load(refusal.operands());
    KernelCall call = refusal.call().create(stage.backend(), stage);
    expectRefusal(refusal, call::run);
    expectRefusal(refusal, () -> stage.replay(List.of(call)));
    for (int k = 0; k < refusal.operands().size(); k++) {
      if (stage.image(k).mismatch(refusal.operands().get(k).image()) >= 0) {
        throw new AssertionError(refusal.name() + ": wrote before it refused an index");
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
