package dev.adjoint.reference;

import dev.adjoint.spi.ReductionKernels;
import dev.adjoint.spi.ReductionKernels.Reduce;
import dev.adjoint.spi.ReductionKernels.Argmax;
import dev.adjoint.spi.ReductionKernels.SumSquares;
import dev.adjoint.spi.Layout;
import dev.adjoint.spi.Reduction;
import dev.adjoint.spi.View;
import java.util.List;
import java.util.stream.IntStream;

/** The specification of {@link ReductionKernels}. */
final class ReferenceReductions {
  private ReferenceReductions() {}

  static Runnable reduce(Reduce k) {
    // With the kept dimensions moved to the front, x is rows that each give one element of out.
    Elements xs = Elements.permuted(k.x(), keptFirst(k.x().layout(), k.out().layout()));
    Elements outs = Elements.of(k.out());
    long rows = k.out().numel();
    long cols = rows == 0 ? 0 : k.x().numel() / rows;
    boolean floating = k.x().dtype().isFloating();
    return () -> {
      for (long r = 0; r < rows; r++) {
        if (floating) {
          outs.set(r, reduceRow(k.function(), xs, r * cols, cols));
        } else {
          outs.setLong(r, reduceLongRow(k.function(), xs, r * cols, cols));
        }
      }
    };
  }

  private static int[] keptFirst(Layout x, Layout out) {
    IntStream kept = IntStream.range(0, x.rank()).filter(d -> x.size(d) == out.size(d));
    IntStream reduced = IntStream.range(0, x.rank()).filter(d -> x.size(d) != out.size(d));
    return IntStream.concat(kept, reduced).toArray();
  }

  private static double reduceRow(Reduction kernel, Elements xs, long start, long count) {
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

  private static long reduceLongRow(Reduction kernel, Elements xs, long start, long count) {
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

  static Runnable argmax(Argmax k) {
    Elements xs = Elements.of(k.x());
    Elements outs = Elements.of(k.out());
    long cols = k.x().layout().size(k.x().layout().rank() - 1);
    boolean floating = k.x().dtype().isFloating();
    return () -> {
      for (long r = 0; r < k.out().numel(); r++) {
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
    };
  }

  /** Whether x replaces the best so far: NaN beats every number, the first NaN stays. */
  private static boolean exceeds(double x, double best) {
    return x > best || (Double.isNaN(x) && !Double.isNaN(best));
  }

  static Runnable sumSquares(SumSquares k) {
    List<View> inputs = List.copyOf(k.xs());
    return () -> {
      Sum sum = new Sum();
      for (View input : inputs) {
        Elements values = Elements.of(input);
        for (long i = 0; i < input.numel(); i++) {
          double x = values.get(i);
          sum.add(x * x);
        }
      }
      Elements.of(k.out()).set(0, sum.value());
    };
  }
}
