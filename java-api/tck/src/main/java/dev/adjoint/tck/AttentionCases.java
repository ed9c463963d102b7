package dev.adjoint.tck;

import dev.adjoint.DType;
import dev.adjoint.Shape;
import dev.adjoint.spi.AttentionKernels;
import dev.adjoint.spi.Layout;
import dev.adjoint.spi.View;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Cases of {@link AttentionKernels}. */
final class AttentionCases {
  private static final double SCALE = 0.3;
  // Of 16 bits, the factors of the second product may be rounded once more.
  private static final Tolerance OUTPUTS = Tolerance.units(32).roundedInside(1);
  private static final Tolerance GRADIENTS = Tolerance.units(64).roundedInside(1);

  private AttentionCases() {}

  static List<KernelGroup> groups(List<DType> floating) {
    List<KernelGroup> groups = new ArrayList<>();
    for (DType dtype : floating) {
      String suffix = "_" + dtype.suffix();
      groups.add(
          new KernelGroup(
              "attention" + suffix, c -> problems(dtype).forEach(p -> c.accept(p.forward()))));
      groups.add(
          new KernelGroup(
              "attention_grad" + suffix,
              c -> {
                int wanted = 0;
                for (Problem problem : problems(dtype)) {
                  c.accept(problem.backward(7));
                  c.accept(problem.backward(wanted++ % 7));
                }
              }));
    }
    return groups;
  }

  private static List<Problem> problems(DType dtype) {
    List<Problem> problems = new ArrayList<>();
    for (boolean causal : new boolean[] {false, true}) {
      for (long size : Samples.sizes()) {
        problems.add(new Problem(dtype, 1, 2, size, size, 8, causal, false));
        problems.add(new Problem(dtype, 1, 1, 5, 7, size, causal, size % 2 == 0));
      }
      problems.add(new Problem(dtype, 2, 3, 9, 9, 16, causal, true));
      // Fewer queries than keys (a cache of keys), and more (the first ones see none if causal).
      problems.add(new Problem(dtype, 1, 2, 1, 70, 16, causal, true));
      problems.add(new Problem(dtype, 1, 2, 4, 70, 16, causal, true));
      problems.add(new Problem(dtype, 1, 2, 70, 4, 16, causal, true));
      problems.add(new Problem(dtype, 2, 2, 130, 130, 32, causal, true));
      problems.add(new Problem(dtype, 1, 1, 300, 257, 64, causal, false));
      problems.add(new Problem(dtype, 0, 2, 3, 3, 4, causal, false));
      problems.add(new Problem(dtype, 1, 2, 0, 3, 4, causal, false));
      problems.add(new Problem(dtype, 1, 2, 3, 0, 4, causal, false));
    }
    return problems;
  }

  /**
   * One set of sizes.
   *
   * @param permuted whether heads lie as [B, T, H, D] in memory, as linear layers make them
   */
  private record Problem(
      DType dtype,
      long batch,
      long heads,
      long queries,
      long keys,
      long width,
      boolean causal,
      boolean permuted) {

    KernelCase forward() {
      return KernelCase.of(
          "attention" + (causal ? " causal" : ""),
          OUTPUTS,
          stage ->
              new AttentionKernels.Attention(
                  stage.view(0),
                  stage.view(1),
                  stage.view(2),
                  stage.view(3),
                  stage.view(4),
                  causal,
                  SCALE),
          input(queries, 1),
          input(keys, 2),
          input(keys, 3),
          Operand.output(dtype, layout(queries)),
          Operand.output(dtype.widened(), statistics()));
    }

    /** The bits of {@code wanted} ask for the gradients of q, k and v. */
    KernelCase backward(int wanted) {
      // Not the statistics of these q and k, yet near enough for weights of ordinary size.
      double lse = Math.log(keys + 1.0) + 0.5;
      return KernelCase.of(
              "attention_grad" + (causal ? " causal" : ""),
              GRADIENTS,
              stage ->
                  new AttentionKernels.AttentionGrad(
                      stage.view(0),
                      stage.view(1),
                      stage.view(2),
                      stage.view(3),
                      stage.view(4),
                      stage.view(5),
                      wanted(stage, wanted, 6),
                      wanted(stage, wanted >> 1, 7),
                      wanted(stage, wanted >> 2, 8),
                      causal,
                      SCALE),
              input(queries, 4),
              input(queries, 1),
              input(keys, 2),
              input(keys, 3),
              input(queries, 5),
              Operand.input(dtype.widened(), statistics(), Samples.uniform(6, lse, lse + 0.5)),
              Operand.output(dtype, layout(queries)),
              Operand.output(dtype, layout(keys)),
              Operand.output(dtype, layout(keys)))
          .withScale(i -> 1 + Math.sqrt((double) queries) / 4);
    }

    private static @Nullable View wanted(Stage stage, int bits, int operand) {
      return (bits & 1) != 0 ? stage.view(operand) : null;
    }

    private Operand input(long length, long seed) {
      return Operand.input(dtype, layout(length), Samples.uniform(seed, -1, 1));
    }

    private Layout layout(long length) {
      return permuted
          ? Placement.DENSE.of(Shape.of(batch, length, heads, width)).permute(0, 2, 1, 3)
          : Placement.SHIFTED.of(Shape.of(batch, heads, length, width));
    }

    private Layout statistics() {
      return Placement.DENSE.of(Shape.of(batch, heads, queries));
    }
  }
}
