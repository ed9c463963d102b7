package dev.adjoint.tck;

import dev.adjoint.spi.IndexKernels;
import dev.adjoint.DType;
import dev.adjoint.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.LongStream;

/** Cases of {@link dev.adjoint.spi.IndexKernels}. */
final class IndexCases {
  private IndexCases() {}

  static List<KernelGroup> groups() {
    List<KernelGroup> groups = new ArrayList<>();
    for (DType dtype : DType.values()) {
      groups.add(
          new KernelGroup(
              "gather_" + dtype.suffix(), c -> sweep(c, (v, d, n) -> gather(dtype, v, d, n))));
      if (dtype.isFloating() && !dtype.isHalf()) {
        groups.add(
            new KernelGroup(
                "scatter_add_" + dtype.suffix(),
                c -> sweep(c, (v, d, n) -> scatterAdd(dtype, v, d, n))));
      }
    }
    return groups;
  }

  /** A case by rows of the table, their width, and how many indices. */
  private interface Sizes {
    KernelCase of(long rows, long width, long count);
  }

  private static void sweep(Consumer<KernelCase> check, Sizes sizes) {
    for (long size : Samples.sizes()) {
      check.accept(sizes.of(5, size, 11));
      check.accept(sizes.of(size, 3, 2 * size));
    }
    check.accept(sizes.of(5, 4, 0));
    check.accept(sizes.of(5, 0, 3));
    check.accept(sizes.of(0, 3, 0));
    check.accept(sizes.of(1000, 128, 3000));
    check.accept(sizes.of(3, 5000, 50));
  }

  private static KernelCase gather(DType dtype, long rows, long width, long count) {
    return KernelCase.of(
        "gather",
        Tolerance.EXACT,
        stage -> new IndexKernels.Gather(stage.view(0), stage.view(1), stage.view(2)),
        Operand.input(dtype, Placement.SHIFTED.of(Shape.of(rows, width)), Samples.any(1, dtype)),
        indices(rows, count),
        Operand.output(dtype, Placement.SHIFTED.of(Shape.of(count, width))));
  }

  /** In the order of the indices and so exact, although rows repeat. */
  private static KernelCase scatterAdd(DType dtype, long rows, long width, long count) {
    return KernelCase.of(
        "scatter_add",
        Tolerance.EXACT,
        stage -> new IndexKernels.ScatterAdd(stage.view(0), stage.view(1), stage.view(2)),
        Operand.input(dtype, Placement.SHIFTED.of(Shape.of(count, width)), Samples.any(1, dtype)),
        indices(rows, count),
        Operand.updated(dtype, Placement.SHIFTED.of(Shape.of(rows, width)), Samples.any(2, dtype)));
  }

  private static Operand indices(long rows, long count) {
    return Operand.indices(LongStream.range(0, count).map(i -> (i * i * 31 + i) % rows).toArray());
  }
}
