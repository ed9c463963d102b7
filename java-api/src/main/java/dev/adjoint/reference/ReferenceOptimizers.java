package dev.adjoint.reference;

import dev.adjoint.spi.KernelCall;
import dev.adjoint.spi.OptimizerKernels;
import dev.adjoint.spi.View;
import java.util.List;

/** The specification of {@link OptimizerKernels}. */
interface ReferenceOptimizers extends OptimizerKernels {
  @Override
  default KernelCall sgd(
      List<View> params,
      List<View> grads,
      List<View> buffers,
      View hyper,
      double momentum,
      double dampening,
      double weightDecay,
      boolean nesterov) {
    return step(
        "sgd",
        params,
        hyper,
        (learningRate, stepsDone) -> {
          for (int k = 0; k < params.size(); k++) {
            double[] w = Elements.read(params.get(k));
            double[] g = Elements.read(grads.get(k));
            double[] buffer = momentum == 0 ? g : Elements.read(buffers.get(k));
            for (int i = 0; i < w.length; i++) {
              double update = g[i] + weightDecay * w[i];
              if (momentum != 0) {
                buffer[i] =
                    stepsDone == 0 ? update : momentum * buffer[i] + (1 - dampening) * update;
                update = nesterov ? update + momentum * buffer[i] : buffer[i];
              }
              w[i] -= learningRate * update;
            }
            Elements.write(params.get(k), w);
            if (momentum != 0) {
              Elements.write(buffers.get(k), buffer);
            }
          }
        });
  }

  @Override
  default KernelCall adamW(
      List<View> params,
      List<View> grads,
      List<View> firstMoments,
      List<View> secondMoments,
      View hyper,
      double beta1,
      double beta2,
      double eps,
      double weightDecay) {
    return step(
        "adamw",
        params,
        hyper,
        (learningRate, stepsDone) -> {
          double t = stepsDone + 1;
          double stepSize = learningRate / (1 - Math.pow(beta1, t));
          double correction = Math.sqrt(1 - Math.pow(beta2, t));
          for (int k = 0; k < params.size(); k++) {
            double[] w = Elements.read(params.get(k));
            double[] g = Elements.read(grads.get(k));
            double[] m = Elements.read(firstMoments.get(k));
            double[] v = Elements.read(secondMoments.get(k));
            for (int i = 0; i < w.length; i++) {
              w[i] -= learningRate * weightDecay * w[i];
              m[i] = beta1 * m[i] + (1 - beta1) * g[i];
              v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
              w[i] -= stepSize * m[i] / (Math.sqrt(v[i]) / correction + eps);
            }
            Elements.write(params.get(k), w);
            Elements.write(firstMoments.get(k), m);
            Elements.write(secondMoments.get(k), v);
          }
        });
  }

  /** What one step does to all tensors. */
  @FunctionalInterface
  interface Rule {
    void apply(double learningRate, double stepsDone);
  }

  private static KernelCall step(String name, List<View> params, View hyper, Rule rule) {
    Elements hypers = Elements.of(hyper);
    return Call.of(
        name,
        params.getFirst().dtype(),
        () -> {
          rule.apply(hypers.get(0), hypers.get(1));
          hypers.set(1, hypers.get(1) + 1);
        });
  }

  @Override
  default KernelCall scale(List<View> xs, View factor) {
    return Call.of(
        "scale",
        factor.dtype(),
        () -> {
          double value = Elements.of(factor).get(0);
          for (View view : xs) {
            Elements x = Elements.of(view);
            for (long i = 0; i < view.numel(); i++) {
              x.set(i, x.get(i) * value);
            }
          }
        });
  }
}
