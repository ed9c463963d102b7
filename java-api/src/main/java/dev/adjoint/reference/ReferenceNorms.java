package dev.adjoint.reference;

import dev.adjoint.spi.NormKernels;
import dev.adjoint.spi.NormKernels.Softmax;
import dev.adjoint.spi.NormKernels.SoftmaxGrad;
import dev.adjoint.spi.NormKernels.LogSoftmax;
import dev.adjoint.spi.NormKernels.LogSoftmaxGrad;
import dev.adjoint.spi.NormKernels.LayerNorm;
import dev.adjoint.spi.NormKernels.LayerNormGrad;
import dev.adjoint.spi.NormKernels.RmsNorm;
import dev.adjoint.spi.NormKernels.RmsNormGrad;
import dev.adjoint.spi.View;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** The specification of {@link NormKernels}. */
final class ReferenceNorms {
  private ReferenceNorms() {}

  static Runnable softmax(Softmax k) {
    return () -> {
      double[] values = Elements.read(k.x());
      int cols = cols(k.x());
      for (int start = 0; start < values.length; start += cols) {
        double max = max(values, start, cols);
        double sum = 0;
        for (int i = start; i < start + cols; i++) {
          values[i] = Math.exp(values[i] - max);
          sum += values[i];
        }
        for (int i = start; i < start + cols; i++) {
          values[i] /= sum;
        }
      }
      Elements.write(k.out(), values);
    };
  }

  static Runnable softmaxGrad(SoftmaxGrad k) {
    return () -> {
      double[] grads = Elements.read(k.grad());
      double[] ys = Elements.read(k.y());
      int cols = cols(k.y());
      for (int start = 0; start < ys.length; start += cols) {
        double dot = 0;
        for (int i = start; i < start + cols; i++) {
          dot += grads[i] * ys[i];
        }
        for (int i = start; i < start + cols; i++) {
          grads[i] = ys[i] * (grads[i] - dot);
        }
      }
      Elements.write(k.out(), grads);
    };
  }

  static Runnable logSoftmax(LogSoftmax k) {
    return () -> {
      double[] values = Elements.read(k.x());
      int cols = cols(k.x());
      for (int start = 0; start < values.length; start += cols) {
        double max = max(values, start, cols);
        double logSum = Math.log(sumExp(values, start, cols, max));
        for (int i = start; i < start + cols; i++) {
          values[i] = values[i] - max - logSum;
        }
      }
      Elements.write(k.out(), values);
    };
  }

  static Runnable logSoftmaxGrad(LogSoftmaxGrad k) {
    return () -> {
      double[] grads = Elements.read(k.grad());
      double[] ys = Elements.read(k.y());
      int cols = cols(k.y());
      for (int start = 0; start < ys.length; start += cols) {
        double sum = 0;
        for (int i = start; i < start + cols; i++) {
          sum += grads[i];
        }
        for (int i = start; i < start + cols; i++) {
          grads[i] -= Math.exp(ys[i]) * sum;
        }
      }
      Elements.write(k.out(), grads);
    };
  }

  static Runnable layerNorm(LayerNorm k) {
    return () -> norm(k.x(), k.weight(), k.bias(), k.eps(), k.out(), k.mean(), k.rstd());
  }

  static Runnable rmsNorm(RmsNorm k) {
    return () -> norm(k.x(), k.weight(), null, k.eps(), k.out(), null, k.rstd());
  }

  /**
   * Layer norm; without {@code mean} RMS norm, which is the same about 0. Rows are scaled by a
   * power of two, which changes no digit, so that squares neither overflow nor vanish. What the
   * mean lost by rounding is added up a second time (Chan et al. 1983).
   */
  private static void norm(
      View x,
      @Nullable View weight,
      @Nullable View bias,
      double eps,
      View out,
      @Nullable View mean,
      View rstd) {
    int cols = cols(x);
    double[] values = Elements.read(x);
    double[] weights = readOr(weight, 1, cols);
    double[] biases = readOr(bias, 0, cols);
    int rows = rows(x);
    double[] means = new double[rows];
    double[] rstds = new double[rows];
    for (int r = 0; r < rows; r++) {
      int start = r * cols;
      double scale = scale(values, start, cols, eps);
      double centre = 0;
      double rest = 0;
      double squares = 0;
      for (int c = start; c < start + cols; c++) {
        values[c] *= scale;
        centre += mean == null ? 0 : values[c] / cols;
      }
      for (int c = start; c < start + cols; c++) {
        values[c] -= centre;
        rest += mean == null ? 0 : values[c] / cols;
        squares += values[c] * values[c] / cols;
      }
      rest = Double.isFinite(rest) ? rest : 0;
      double variance = Math.max(0, squares - rest * rest);
      double slope =
          variance == 0
              ? 1 / Math.sqrt(eps) / scale
              : 1 / Math.sqrt(variance + eps * scale * scale);
      for (int c = 0; c < cols; c++) {
        values[start + c] = (values[start + c] - rest) * slope * weights[c] + biases[c];
      }
      means[r] = (centre + rest) / scale;
      rstds[r] = slope * scale;
    }
    Elements.write(out, values);
    Elements.write(rstd, rstds);
    if (mean != null) {
      Elements.write(mean, means);
    }
  }

  /** A power of two that brings the largest of {@code count} values near 1. */
  private static double scale(double[] values, int start, int count, double eps) {
    double largest = 0;
    for (int i = start; i < start + count; i++) {
      largest = Math.max(largest, Math.abs(values[i]));
    }
    int most = eps > 0 ? 300 : 1022; // eps grows with the scale's square
    return Double.isFinite(largest)
        ? Math.scalb(1.0, Math.min(-Math.getExponent(largest), most))
        : 1;
  }

  static Runnable layerNormGrad(LayerNormGrad k) {
    return () ->
        normGrad(
            k.grad(),
            k.x(),
            k.weight(),
            k.mean(),
            k.rstd(),
            k.gradX(),
            k.gradWeight(),
            k.gradBias());
  }

  static Runnable rmsNormGrad(RmsNormGrad k) {
    return () ->
        normGrad(k.grad(), k.x(), k.weight(), null, k.rstd(), k.gradX(), k.gradWeight(), null);
  }

  /** The gradients of {@link #norm}. With h = (x − mean) · rstd, the normalised row. */
  private static void normGrad(
      View grad,
      View x,
      @Nullable View weight,
      @Nullable View mean,
      View rstd,
      @Nullable View gradX,
      @Nullable View gradWeight,
      @Nullable View gradBias) {
    int rows = rows(x);
    int cols = cols(x);
    double[] grads = Elements.read(grad);
    double[] xs = Elements.read(x);
    double[] weights = readOr(weight, 1, cols);
    double[] means = readOr(mean, 0, rows);
    double[] rstds = Elements.read(rstd);
    double[] gradXs = new double[xs.length];
    double[] gradWeights = new double[cols];
    double[] gradBiases = new double[cols];
    for (int r = 0; r < rows; r++) {
      int start = r * cols;
      double meanOfGrad = 0;
      double meanOfGradH = 0;
      for (int c = 0; c < cols; c++) {
        double g = grads[start + c];
        // In halves: the difference itself may overflow.
        xs[start + c] = (xs[start + c] / 2 - means[r] / 2) * (2 * rstds[r]);
        double h = xs[start + c];
        gradWeights[c] += g * h;
        gradBiases[c] += g;
        meanOfGrad += g * weights[c] / cols;
        meanOfGradH += g * weights[c] * h / cols;
      }
      if (mean == null) {
        meanOfGrad = 0;
      }
      for (int c = 0; c < cols; c++) {
        double g = grads[start + c] * weights[c];
        double h = xs[start + c];
        gradXs[start + c] = rstds[r] * (g - meanOfGrad - h * meanOfGradH);
      }
    }
    Elements.writeIfWanted(gradX, gradXs);
    Elements.writeIfWanted(gradWeight, gradWeights);
    Elements.writeIfWanted(gradBias, gradBiases);
  }

  private static int rows(View matrix) {
    return (int) matrix.layout().size(0);
  }

  private static int cols(View matrix) {
    return (int) matrix.layout().size(1);
  }

  /** The largest of {@code count} values; NaN if any is NaN. */
  static double max(double[] values, int start, int count) {
    double max = Double.NEGATIVE_INFINITY;
    for (int i = start; i < start + count; i++) {
      max = Math.max(max, values[i]);
    }
    return max;
  }

  /** Σ exp(value − max). */
  static double sumExp(double[] values, int start, int count, double max) {
    double sum = 0;
    for (int i = start; i < start + count; i++) {
      sum += Math.exp(values[i] - max);
    }
    return sum;
  }

  private static double[] readOr(@Nullable View view, double value, int count) {
    if (view != null) {
      return Elements.read(view);
    }
    double[] constant = new double[count];
    Arrays.fill(constant, value);
    return constant;
  }
}
