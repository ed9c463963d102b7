package dev.adjoint.reference;

import dev.adjoint.spi.LossKernels;
import dev.adjoint.spi.LossKernels.CrossEntropy;
import dev.adjoint.spi.LossKernels.CrossEntropyGrad;

/** The specification of {@link LossKernels}. */
final class ReferenceLosses {
  private ReferenceLosses() {}

  static Runnable crossEntropy(CrossEntropy k) {
    return () -> {
      int rows = (int) k.logits().layout().size(0);
      int classes = (int) k.logits().layout().size(1);
      Indices target = Indices.below(classes, k.ignoreIndex(), k.symbol().name(), k.targets());
      target.check();
      double[] values = Elements.read(k.logits());
      Elements loss = Elements.of(k.losses());
      Elements lse = Elements.of(k.logSumExp());
      for (int r = 0; r < rows; r++) {
        double max = largest(values, r * classes, classes);
        double logSum = Math.log(ReferenceNorms.sumExp(values, r * classes, classes, max));
        long t = target.get(r);
        lse.set(2L * r, max);
        lse.set(2L * r + 1, logSum);
        loss.set(r, t == k.ignoreIndex() ? 0 : logSum + (max - values[r * classes + (int) t]));
      }
    };
  }

  static Runnable crossEntropyGrad(CrossEntropyGrad k) {
    return () -> {
      int rows = (int) k.logits().layout().size(0);
      int classes = (int) k.logits().layout().size(1);
      double[] values = Elements.read(k.logits());
      double[] grads = Elements.read(k.grad());
      double[] lse = Elements.read(k.logSumExp());
      Indices target = Indices.below(classes, k.ignoreIndex(), k.symbol().name(), k.targets());
      target.check();
      for (int r = 0; r < rows; r++) {
        long t = target.get(r);
        for (int c = 0; c < classes; c++) {
          int i = r * classes + c;
          double probability = Math.exp(values[i] - lse[2 * r] - lse[2 * r + 1]);
          values[i] = t == k.ignoreIndex() ? 0 : grads[r] * (probability - (c == t ? 1 : 0));
        }
      }
      Elements.write(k.out(), values);
    };
  }

  /** The largest of {@code count} values; NaN is passed over, it will be in the sum. */
  private static double largest(double[] values, int start, int count) {
    double largest = Double.NEGATIVE_INFINITY;
    for (int i = start; i < start + count; i++) {
      largest = values[i] > largest ? values[i] : largest;
    }
    return largest;
  }
}
