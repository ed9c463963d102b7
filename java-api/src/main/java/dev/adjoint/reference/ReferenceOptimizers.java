package dev.adjoint.reference;

import dev.adjoint.spi.OptimizerKernels;
import dev.adjoint.spi.OptimizerKernels.AdamW;
import dev.adjoint.spi.OptimizerKernels.Scale;
import dev.adjoint.spi.OptimizerKernels.Sgd;
import dev.adjoint.spi.View;

/** The specification of {@link OptimizerKernels}. */
final class ReferenceOptimizers {
  private ReferenceOptimizers() {}

  static Runnable sgd(Sgd k) {
    double momentum = k.momentum();
    return step(
        k.hyper(),
        (learningRate, stepsDone) -> {
          for (int p = 0; p < k.params().size(); p++) {
            double[] w = Elements.read(k.params().get(p));
            double[] g = Elements.read(k.grads().get(p));
            double[] buffer = momentum == 0 ? g : Elements.read(k.buffers().get(p));
            for (int i = 0; i < w.length; i++) {
              double update = g[i] + k.weightDecay() * w[i];
              if (momentum != 0) {
                buffer[i] =
                    stepsDone == 0 ? update : momentum * buffer[i] + (1 - k.dampening()) * update;
                update = k.nesterov() ? update + momentum * buffer[i] : buffer[i];
              }
              w[i] -= learningRate * update;
            }
            Elements.write(k.params().get(p), w);
            if (momentum != 0) {
              Elements.write(k.buffers().get(p), buffer);
            }
          }
        });
  }

  static Runnable adamW(AdamW k) {
    double beta1 = k.beta1();
    double beta2 = k.beta2();
    return step(
        k.hyper(),
        (learningRate, stepsDone) -> {
          double t = stepsDone + 1;
          double stepSize = learningRate / (1 - Math.pow(beta1, t));
          double correction = Math.sqrt(1 - Math.pow(beta2, t));
          for (int p = 0; p < k.params().size(); p++) {
            double[] w = Elements.read(k.params().get(p));
            double[] g = Elements.read(k.grads().get(p));
            double[] m = Elements.read(k.firstMoments().get(p));
            double[] v = Elements.read(k.secondMoments().get(p));
            for (int i = 0; i < w.length; i++) {
              w[i] -= learningRate * k.weightDecay() * w[i];
              m[i] = beta1 * m[i] + (1 - beta1) * g[i];
              v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
              w[i] -= stepSize * m[i] / (Math.sqrt(v[i]) / correction + k.eps());
            }
            Elements.write(k.params().get(p), w);
            Elements.write(k.firstMoments().get(p), m);
            Elements.write(k.secondMoments().get(p), v);
          }
        });
  }

  /** What one step does to all tensors. */
  @FunctionalInterface
  private interface Rule {
    void apply(double learningRate, double stepsDone);
  }

  private static Runnable step(View hyper, Rule rule) {
    Elements hypers = Elements.of(hyper);
    return () -> {
      rule.apply(hypers.get(0), hypers.get(1));
      hypers.set(1, hypers.get(1) + 1);
    };
  }

  static Runnable scale(Scale k) {
    return () -> {
      double value = Elements.of(k.factor()).get(0);
      for (View view : k.xs()) {
        Elements x = Elements.of(view);
        for (long i = 0; i < view.numel(); i++) {
          x.set(i, x.get(i) * value);
        }
      }
    };
  }
}
