package dev.adjoint.reference;

import dev.adjoint.spi.KernelCall;
import dev.adjoint.spi.Layout;
import dev.adjoint.spi.ReduceKernel;
import dev.adjoint.spi.ReductionKernels;
import dev.adjoint.spi.View;
import java.util.List;
import java.util.stream.IntStream;

/** The specification of {@link ReductionKernels}. */
interface ReferenceReductions extends ReductionKernels {
  @Override
  default KernelCall reduce(ReduceKernel kernel, View x, View out) {
    // With the kept dimensions moved to the front, x is rows that each give one element of out.
    Elements xs = Elements.permuted(x, keptFirst(x.layout(), out.layout()));
    Elements outs = Elements.of(out);
    long rows = out.numel();
    long cols = rows == 0 ? 0 : x.numel() / rows;
    boolean floating = x.dtype().isFloating();
    return Call.of(
        "reduce_" + kernel.symbol(),
        x.dtype(),
        () -> {
          for (long r = 0; r < rows; r++) {
            if (floating) {
              outs.set(r, reduceRow(kernel, xs, r * cols, cols));
            } else {
              outs.setLong(r, reduceLongRow(kernel, xs, r * cols, cols));
            }
          }
        });
  }

  private static int[] keptFirst(Layout x, Layout out) {
    IntStream kept = IntStream.range(0, x.rank()).filter(d -> x.size(d) == out.size(d));
    IntStream reduced = IntStream.range(0, x.rank()).filter(d -> x.size(d) != out.size(d));
    return IntStream.concat(kept, reduced).toArray();
  }

  private static double reduceRow(ReduceKernel kernel, Elements xs, long start, long count) {
    Sum sum = new Sum();
    double max = Double.NEGATIVE_INFINITY;
    double min = Double.POSITIVE_INFINITY;
    for (long i = start; i < start + count; i++) {
      double x = xs.get(i);
      sum.add(x);
      max = Math.max(max, x);
      min = Math.min(min, x);
    }
    return switch (kernel) {
      case SUM -> sum.value();
      case MEAN -> sum.value() / count;
      case MAX -> max;
      case MIN -> min;
    };
  }

  private static long reduceLongRow(ReduceKernel kernel, Elements xs, long start, long count) {
    long sum = 0;
    long max = Long.MIN_VALUE;
    long min = Long.MAX_VALUE;
    for (long i = start; i < start + count; i++) {
      long x = xs.getLong(i);
      sum += x;
      max = Math.max(max, x);
      min = Math.min(min, x);
    }
    return switch (kernel) {
      case SUM -> sum;
      case MEAN -> throw new IllegalArgumentException("mean of integers");
      case MAX -> max;
      case MIN -> min;
    };
  }

  @Override
  default KernelCall argmax(View x, View out) {
    Elements xs = Elements.of(x);
    Elements outs = Elements.of(out);
    long cols = x.layout().size(x.layout().rank() - 1);
    boolean floating = x.dtype().isFloating();
    return Call.of(
        "argmax",
        x.dtype(),
        () -> {
          for (long r = 0; r < out.numel(); r++) {
            long start = r * cols;
            long best = 0;
            for (long c = 1; c < cols; c++) {
              boolean larger =
                  floating
                      ? exceeds(xs.get(start + c), xs.get(start + best))
                      : xs.getLong(start + c) > xs.getLong(start + best);
              best = larger ? c : best;
            }
            outs.setLong(r, best);
          }
        });
  }

  /** Whether x replaces the best so far: NaN beats every number, the first NaN stays. */
  private static boolean exceeds(double x, double best) {
    return x > best || (Double.isNaN(x) && !Double.isNaN(best));
  }

  @Override
  default KernelCall sumSquares(List<View> xs, View out) {
    List<View> inputs = List.copyOf(xs);
    return Call.of(
        "sum_squares",
        inputs.getFirst().dtype(),
        () -> {
          Sum sum = new Sum();
          for (View input : inputs) {
            Elements values = Elements.of(input);
            for (long i = 0; i < input.numel(); i++) {
              double x = values.get(i);
              sum.add(x * x);
            }
          }
          Elements.of(out).set(0, sum.value());
        });
  }
}
