package dev.adjoint.spi;

import dev.adjoint.DType;
import dev.adjoint.spi.Symbols.Types;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Sums, means, extremes. Float32 sums are accurate to a few ulp whatever the length. */
public sealed interface ReductionKernels extends Kernel {
  /** The names of these kernels. */
  static Stream<Symbols> names() {
    return Stream.concat(
        Reduce.NAMES.values().stream(),
        Stream.of(Reduce.SUM_TO_F32, Argmax.NAMES, SumSquares.NAMES));
  }

  /**
   * Reduces {@code x}, of at least one element, into {@code out}, which has x's rank and size 1 in
   * every reduced dimension.
   *
   * @param out of x's type; a sum of BF16 may be F32
   */
  record Reduce(Reduction function, View x, View out) implements ReductionKernels {
    private static final Map<Reduction, Symbols> NAMES =
        Symbols.each(
            Reduction.class,
            f ->
                new Symbols(
                    "reduce_" + f.symbol(), f == Reduction.MEAN ? Types.COMPUTED : Types.WITH_I64));

    private static final Symbols SUM_TO_F32 = new Symbols("reduce_sum_f32", Types.HALVES);

    /** A reduction of any number of elements: of none it is a {@link ElementwiseKernels.Fill}. */
    public static Kernel of(Reduction function, View x, View out) {
      return x.numel() > 0
          ? new Reduce(function, x, out)
          : new ElementwiseKernels.Fill(out, function == Reduction.MEAN ? Double.NaN : 0);
    }

    @Override
    public Symbol symbol() {
      DType dtype = x.dtype();
      return dtype == out.dtype() ? Symbols.of(NAMES, function, dtype) : SUM_TO_F32.of(dtype);
    }

    @Override
    public long[] words() {
      long[] words = Iteration.pack(2, x.layout(), out.layout().expand(x.layout().shape()));
      words[0] = x.address();
      words[1] = out.address();
      return words;
    }

    @Override
    public long elements() {
      return x.numel();
    }
  }

  /**
   * Index of the first largest element (the first NaN, if any) of the last dimension; out is I64 of
   * x's shape without it.
   */
  record Argmax(View x, View out) implements ReductionKernels {
    private static final Symbols NAMES = new Symbols("argmax", Types.WITH_I64);

    @Override
    public Symbol symbol() {
      return NAMES.of(x.dtype());
    }

    @Override
    public long[] words() {
      Layout layout = x.layout();
      int last = layout.rank() - 1;
      long[] words = Iteration.pack(4, layout.select(last, 0), out.layout());
      words[0] = x.address();
      words[1] = out.address();
      words[2] = layout.size(last);
      words[3] = layout.stride(last);
      return words;
    }

    @Override
    public long elements() {
      return x.numel();
    }
  }

  /**
   * The sum of the squares of all elements of all {@code xs} (contiguous, F32 or F64), in float64.
   *
   * @param out F64, one element
   */
  record SumSquares(View out, List<View> xs) implements ReductionKernels {
    private static final Symbols NAMES = new Symbols("sum_squares", Types.WIDE);

    @Override
    public Symbol symbol() {
      return NAMES.of(OptimizerKernels.dtype(xs));
    }

    @Override
    public long[] words() {
      return Words.columns(new long[] {out.address(), xs.size()}, xs);
    }

    @Override
    public long elements() {
      return OptimizerKernels.elements(xs);
    }
  }
}
