package dev.adjoint.reference;

import dev.adjoint.spi.AttentionKernels;
import dev.adjoint.spi.AttentionKernels.Attention;
import dev.adjoint.spi.AttentionKernels.AttentionGrad;
import dev.adjoint.spi.View;

/** The specification of {@link AttentionKernels}: the whole score matrix, one query at a time. */
final class ReferenceAttention {
  private ReferenceAttention() {}

  static Runnable attention(Attention k) {
    return () -> {
      Heads heads = Heads.of(k.q(), k.k(), k.causal());
      int d = heads.width();
      double[] qs = Elements.read(k.q());
      double[] ks = Elements.read(k.k());
      double[] vs = Elements.read(k.v());
      double[] outs = new double[qs.length];
      double[] lse = new double[heads.count() * heads.queries()];
      double[] scores = new double[heads.keys()];
      for (int row = 0; row < lse.length; row++) {
        int visible = heads.visible(row);
        int firstKey = heads.firstKey(row);
        for (int j = 0; j < visible; j++) {
          scores[j] = k.scale() * dot(qs, row * d, ks, (firstKey + j) * d, d);
        }
        double max = ReferenceNorms.max(scores, 0, visible);
        double sum = ReferenceNorms.sumExp(scores, 0, visible, max);
        lse[row] = max + Math.log(sum);
        for (int j = 0; j < visible; j++) {
          addScaled(outs, row * d, Math.exp(scores[j] - max) / sum, vs, (firstKey + j) * d, d);
        }
      }
      Elements.write(k.out(), outs);
      Elements.write(k.logSumExp(), lse);
    };
  }

  static Runnable attentionGrad(AttentionGrad k) {
    return () -> {
      Heads heads = Heads.of(k.q(), k.k(), k.causal());
      int d = heads.width();
      double[] grads = Elements.read(k.grad());
      double[] qs = Elements.read(k.q());
      double[] ks = Elements.read(k.k());
      double[] vs = Elements.read(k.v());
      double[] outs = Elements.read(k.out());
      double[] lse = Elements.read(k.logSumExp());
      double[] gradQs = new double[qs.length];
      double[] gradKs = new double[ks.length];
      double[] gradVs = new double[vs.length];
      for (int row = 0; row < lse.length; row++) {
        int at = row * d;
        // Σⱼ Pⱼ · dPⱼ, which the derivative of softmax subtracts, is grad · out.
        double gradDotOut = dot(grads, at, outs, at, d);
        for (int j = 0; j < heads.visible(row); j++) {
          int key = (heads.firstKey(row) + j) * d;
          double p = Math.exp(k.scale() * dot(qs, at, ks, key, d) - lse[row]);
          double gradScore = p * (dot(grads, at, vs, key, d) - gradDotOut) * k.scale();
          addScaled(gradVs, key, p, grads, at, d);
          addScaled(gradQs, at, gradScore, ks, key, d);
          addScaled(gradKs, key, gradScore, qs, at, d);
        }
      }
      Elements.writeIfWanted(k.gradQ(), gradQs);
      Elements.writeIfWanted(k.gradK(), gradKs);
      Elements.writeIfWanted(k.gradV(), gradVs);
    };
  }

  /** The sizes of q [B, H, queries, width] and k [B, H, keys, width], count being B·H. */
  record Heads(int count, int queries, int keys, int width, boolean causal) {
    static Heads of(View q, View k, boolean causal) {
      int count = (int) (q.layout().size(0) * q.layout().size(1));
      return new Heads(
          count,
          (int) q.layout().size(2),
          (int) k.layout().size(2),
          (int) q.layout().size(3),
          causal);
    }

    /** How many keys, from the first on, a row of q (all heads in one sequence) sees. */
    int visible(int row) {
      return causal ? Math.clamp(row % queries + 1L + keys - queries, 0, keys) : keys;
    }

    /** The row of k with which the keys of that head begin. */
    int firstKey(int row) {
      return row / queries * keys;
    }
  }

  private static double dot(double[] a, int aStart, double[] b, int bStart, int count) {
    double sum = 0;
    for (int i = 0; i < count; i++) {
      sum += a[aStart + i] * b[bStart + i];
    }
    return sum;
  }

  private static void addScaled(
      double[] sum, int start, double factor, double[] x, int xStart, int count) {
    for (int i = 0; i < count; i++) {
      sum[start + i] += factor * x[xStart + i];
    }
  }
}
