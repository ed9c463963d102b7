package dev.adjoint.tck;

import dev.adjoint.DType;
import dev.adjoint.Precision;
import dev.adjoint.Shape;
import dev.adjoint.spi.Gemm;
import dev.adjoint.spi.Layout;
import dev.adjoint.spi.UnaryFunction;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Cases of {@link Gemm}. */
final class GemmCases {
  private GemmCases() {}

  static List<KernelGroup> groups(List<DType> floating) {
    List<KernelGroup> groups = new ArrayList<>();
    for (DType dtype : List.of(DType.F32, DType.F64)) {
      groups.add(group("gemm_" + dtype.suffix(), Types.all(dtype), Precision.F32));
    }
    groups.add(group("gemm_tf32_f32", Types.all(DType.F32), Precision.TF32));
    groups.add(group("gemm_bf16_f32", Types.all(DType.F32), Precision.BF16));
    List<Types> withBf16 =
        floating.contains(DType.BF16) ? Types.WITH_BF16 : List.of(Types.BF16_FACTORS);
    for (Types types : withBf16) {
      groups.add(some("gemm " + types, types, Precision.BF16));
    }
    if (floating.contains(DType.F16)) {
      groups.add(some("gemm_f16", Types.all(DType.F16), Precision.F32));
    }
    return groups;
  }

  private static KernelGroup some(String name, Types types, Precision precision) {
    return new KernelGroup(name, c -> new Sweep(types, precision, c).someOfEach());
  }

  private static KernelGroup group(String name, Types types, Precision precision) {
    return new KernelGroup(name, c -> new Sweep(types, precision, c).run());
  }

  /** The element types of a product. */
  private record Types(DType a, DType b, DType out, DType bias) {
    static final Types BF16_FACTORS = new Types(DType.BF16, DType.BF16, DType.F32, DType.F32);

    /** Those of a linear layer with F32 weights and of its gradients, and each other kind. */
    static final List<Types> WITH_BF16 =
        List.of(
            new Types(DType.BF16, DType.F32, DType.BF16, DType.F32),
            BF16_FACTORS,
            all(DType.BF16),
            new Types(DType.F32, DType.BF16, DType.F32, DType.F32),
            new Types(DType.F32, DType.F32, DType.BF16, DType.BF16));

    static Types all(DType dtype) {
      return new Types(dtype, dtype, dtype, dtype);
    }
  }

  private record Sweep(Types types, Precision precision, Consumer<KernelCase> check) {
    /** One case in five: in F32, everything has been gone through. */
    void someOfEach() {
      AtomicLong made = new AtomicLong();
      Consumer<KernelCase> some =
          one -> {
            if (made.getAndIncrement() % 5 == 0) {
              check.accept(one);
            }
          };
      new Sweep(types, precision, some).run();
    }

    void run() {
      for (long n : Samples.sizes()) {
        product(n, n, n);
        product(1, n, 19);
        product(n, 1, 19);
        product(19, n, 1);
        product(3, 70, n);
      }
      for (long m : new long[] {1, 5, 48}) {
        for (long n : new long[] {1, 17, 50}) {
          for (long k : new long[] {1, 6, 48}) {
            placed(m, n, k);
          }
        }
      }
      placed(0, 4, 5);
      placed(4, 0, 5);
      placed(4, 5, 0);
      product(150, 300, 500);
      product(301, 65, 129);
      product(65, 1030, 70);
      placed(67, 33, 129);
      batches();
      for (UnaryFunction activation : Gemm.ACTIVATIONS) {
        activated(activation);
      }
    }

    /** Dense row-major factors. */
    private void product(long m, long n, long k) {
      Shape a = Shape.of(m, k);
      Shape b = Shape.of(k, n);
      Shape out = Shape.of(m, n);
      accept(Placement.DENSE.of(a), Placement.DENSE.of(b), Placement.DENSE.of(out), false, 1, 0);
    }

    /** Factors in every placement: transposes and slices are strides. */
    private void placed(long m, long n, long k) {
      int variant = 0;
      for (Placement a : Placement.ALL) {
        for (Placement b : Placement.ALL) {
          variant++;
          accept(
              a.of(Shape.of(m, k)),
              b.of(Shape.of(k, n)),
              List.of(Placement.DENSE, Placement.SHIFTED, Placement.PITCHED)
                  .get(variant % 3)
                  .of(Shape.of(m, n)),
              variant % 2 == 0,
              List.of(1.0, 0.5, 2.0).get(variant % 3),
              List.of(0.0, 1.0, 0.5, 0.0).get(variant % 4));
        }
      }
    }

    private void batches() {
      for (long n : new long[] {1, 4, 9, 33}) {
        for (Placement placement : Placement.DISTINCT) {
          accept(
              placement.of(Shape.of(5, n, 7)),
              placement.of(Shape.of(5, 7, n + 1)),
              Placement.DENSE.of(Shape.of(5, n, n + 1)),
              true,
              1,
              1);
          accept(
              placement.of(Shape.of(2, 3, n, 7)),
              placement.of(Shape.of(2, 3, 7, n + 1)),
              Placement.PITCHED.of(Shape.of(2, 3, n, n + 1)),
              false,
              1,
              0);
        }
        // One matrix serves the whole batch.
        accept(
            Placement.DENSE.of(Shape.of(4, n, 7)),
            Placement.DENSE.of(Shape.of(7, n)).expand(Shape.of(4, 7, n)),
            Placement.DENSE.of(Shape.of(4, n, n)),
            false,
            1,
            0);
        accept(
            Placement.TRANSPOSED.of(Shape.of(n, 7)).expand(Shape.of(2, 3, n, 7)),
            Placement.DENSE.of(Shape.of(2, 1, 7, n)).expand(Shape.of(2, 3, 7, n)),
            Placement.DENSE.of(Shape.of(2, 3, n, n)),
            true,
            2,
            0);
      }
      // Heads of attention: [B, T, H, D] seen as [B, H, T, D].
      Layout heads = Placement.DENSE.of(Shape.of(2, 10, 3, 8)).permute(0, 2, 1, 3);
      accept(
          heads,
          heads.permute(0, 1, 3, 2),
          Placement.DENSE.of(Shape.of(2, 3, 10, 10)),
          false,
          1,
          0);
      accept(
          Placement.DENSE.of(Shape.of(0, 3, 4)),
          Placement.DENSE.of(Shape.of(0, 4, 5)),
          Placement.DENSE.of(Shape.of(0, 3, 5)),
          true,
          1,
          0);
    }

    /** Every path: single rows and columns, tiles, batches. */
    private void activated(UnaryFunction activation) {
      for (long m : new long[] {1, 3, 67}) {
        for (long n : new long[] {1, 33, 64, 130}) {
          for (Placement placement : List.of(Placement.DENSE, Placement.TRANSPOSED)) {
            Layout a = Placement.DENSE.of(Shape.of(m, 40));
            Layout b = placement.of(Shape.of(40, n));
            Layout dense = Placement.DENSE.of(Shape.of(m, n));
            Layout pitched = Placement.PITCHED.of(Shape.of(m, n));
            accept(a, b, dense, m > 1, 1, 0, activation, false);
            accept(a, b, pitched, n > 1, 0.5, 0, activation, true);
          }
        }
      }
      accept(
          Placement.DENSE.of(Shape.of(3, 9, 7)),
          Placement.DENSE.of(Shape.of(3, 7, 20)),
          Placement.DENSE.of(Shape.of(3, 9, 20)),
          true,
          1,
          0,
          activation,
          true);
    }

    /**
     * How much coarser than F32 a backend may read factors that the reference takes as they are.
     */
    private double roundoffOfFactors() {
      return precision == Precision.TF32 ? 0x1p13 : 1;
    }

    private void accept(
        Layout a, Layout b, Layout out, boolean withBias, double alpha, double beta) {
      accept(a, b, out, withBias, alpha, beta, null, false);
    }

    private void accept(
        Layout a,
        Layout b,
        Layout out,
        boolean withBias,
        double alpha,
        double beta,
        @Nullable UnaryFunction activation,
        boolean withBefore) {
      List<Operand> operands = new ArrayList<>();
      operands.add(Operand.input(types.a(), a, Samples.uniform(1, -1, 1)));
      operands.add(Operand.input(types.b(), b, Samples.uniform(2, -1, 1)));
      // With beta = 0 the result's memory holds NaN before.
      operands.add(
          beta == 0
              ? Operand.output(types.out(), out)
              : Operand.updated(types.out(), out, Samples.uniform(3, -1, 1)));
      if (withBias) {
        Shape columns = Shape.of(out.size(out.rank() - 1));
        operands.add(
            Operand.input(types.bias(), Placement.SHIFTED.of(columns), Samples.uniform(4, -1, 1)));
      }
      if (withBefore) {
        operands.add(Operand.output(types.out(), out));
      }
      int before = operands.size() - 1;
      double depth = a.size(a.rank() - 1);
      String name =
          "gemm in "
              + precision
              + " alpha "
              + alpha
              + " beta "
              + beta
              + (withBias ? " bias " : " ")
              + (activation == null ? "" : activation.symbol() + " ");
      check.accept(
          new KernelCase(
              name,
              operands,
              Tolerance.units(4 + 4 * Math.sqrt(depth) * roundoffOfFactors())
                  // A bias of F32 may be rounded to the type of the result.
                  .roundedInside(withBias && types.bias() != types.out() ? 1 : 0),
              null,
              1,
              stage ->
                  new Gemm(
                      stage.view(0),
                      stage.view(1),
                      stage.view(2),
                      withBefore ? stage.view(before) : null,
                      withBias ? stage.view(3) : null,
                      alpha,
                      beta,
                      precision,
                      activation)));
    }
  }
}
