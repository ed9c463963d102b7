package dev.adjoint.reference;

import dev.adjoint.spi.KernelCall;
import dev.adjoint.spi.LossKernels;
import dev.adjoint.spi.View;

/** The specification of {@link LossKernels}. */
interface ReferenceLosses extends LossKernels {
  @Override
  default KernelCall crossEntropy(
      View logits, View targets, long ignoreIndex, View losses, View logSumExp) {
    String name = "cross_entropy_" + logits.dtype().suffix();
    return new Call(
        name,
        () -> {
          int rows = (int) logits.layout().size(0);
          int classes = (int) logits.layout().size(1);
          Indices target = Indices.below(classes, ignoreIndex, name, targets);
          target.check();
          double[] values = Elements.read(logits);
          Elements loss = Elements.of(losses);
          Elements lse = Elements.of(logSumExp);
          for (int r = 0; r < rows; r++) {
            double max = ReferenceNorms.max(values, r * classes, classes);
            double sum = max + Math.log(ReferenceNorms.sumExp(values, r * classes, classes, max));
            long t = target.get(r);
            lse.set(r, sum);
            loss.set(r, t == ignoreIndex ? 0 : sum - values[r * classes + (int) t]);
          }
        });
  }

  @Override
  default KernelCall crossEntropyGrad(
      View grad, View logits, View targets, long ignoreIndex, View logSumExp, View out) {
    String name = "cross_entropy_grad_" + logits.dtype().suffix();
    return new Call(
        name,
        () -> {
          int rows = (int) logits.layout().size(0);
          int classes = (int) logits.layout().size(1);
          double[] values = Elements.read(logits);
          double[] grads = Elements.read(grad);
          double[] lse = Elements.read(logSumExp);
          Indices target = Indices.below(classes, ignoreIndex, name, targets);
          target.check();
          for (int r = 0; r < rows; r++) {
            long t = target.get(r);
            for (int c = 0; c < classes; c++) {
              int i = r * classes + c;
              double probability = Math.exp(values[i] - lse[r]);
              values[i] = t == ignoreIndex ? 0 : grads[r] * (probability - (c == t ? 1 : 0));
            }
          }
          Elements.write(out, values);
        });
  }
}
