package dev.adjoint.reference;

import dev.adjoint.Precision;
import dev.adjoint.spi.Gemm;
import dev.adjoint.spi.HalfFloats;
import dev.adjoint.spi.Layout;
import dev.adjoint.spi.UnaryFunction;
import dev.adjoint.spi.View;
import java.util.Arrays;

/** The specification of {@link GemmKernels}. */
final class ReferenceGemm {
  private ReferenceGemm() {}

  static Runnable gemm(Gemm k) {
    return () -> multiply(k);
  }

  private static double[] factor(View view, Precision precision) {
    double[] values = Elements.read(view);
    if (precision == Precision.BF16) {
      Arrays.setAll(values, i -> HalfFloats.roundToBf16((float) values[i]));
    }
    return values;
  }

  private static void multiply(Gemm spec) {
    Layout factor = spec.a().layout();
    Layout result = spec.out().layout();
    int rank = result.rank();
    int m = (int) result.size(rank - 2);
    int n = (int) result.size(rank - 1);
    int k = (int) factor.size(rank - 1);
    double[] a = factor(spec.a(), spec.precision());
    double[] b = factor(spec.b(), spec.precision());
    View bias = spec.bias();
    double[] addend = bias == null ? new double[n] : Elements.read(bias);
    Elements out = Elements.of(spec.out());
    UnaryFunction activation = spec.activation();
    Elements before = spec.before() == null ? null : Elements.of(spec.before());
    // Rows of all batches in one sequence; row r of a belongs to matrix r / m of b.
    double[] sums = new double[n];
    for (int r = 0; r < (n == 0 ? 0 : spec.out().numel() / n); r++) {
      Arrays.fill(sums, 0);
      for (int l = 0; l < k; l++) {
        double x = a[r * k + l];
        int row = (r / m * k + l) * n;
        for (int c = 0; c < n; c++) {
          sums[c] += x * b[row + c];
        }
      }
      for (int c = 0; c < n; c++) {
        long i = (long) r * n + c;
        double old = spec.beta() == 0 ? 0 : spec.beta() * out.get(i);
        double sum = spec.alpha() * sums[c] + old + addend[c];
        if (before != null) {
          before.set(i, sum);
        }
        out.set(i, activation == null ? sum : activation.apply(sum));
      }
    }
  }
}
