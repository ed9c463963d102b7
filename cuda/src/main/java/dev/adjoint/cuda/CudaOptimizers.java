package dev.adjoint.cuda;

import dev.adjoint.spi.OptimizerKernels;
import dev.adjoint.spi.OptimizerKernels.AdamW;
import dev.adjoint.spi.OptimizerKernels.Scale;
import dev.adjoint.spi.OptimizerKernels.Sgd;
import dev.adjoint.spi.View;
import java.util.ArrayList;
import java.util.List;

/** Launches of optimizer.cu. */
final class CudaOptimizers {
  private static final int STEP_HEAD_WORDS = 6;
  private static final int SCALE_HEAD_WORDS = 2;

  private final CudaDevice device;

  CudaOptimizers(CudaDevice device) {
    this.device = device;
  }

  CudaCall call(OptimizerKernels kernel) {
    CudaKernel function = device.kernels().of(kernel);
    return switch (kernel) {
      case Sgd k -> {
        TensorLists.Words words = (from, to, _) -> part(k, from, to).words();
        yield step(
            function,
            TensorLists.launches(function, k.params(), STEP_HEAD_WORDS, 4, words),
            k.hyper());
      }
      case AdamW k -> {
        TensorLists.Words words = (from, to, _) -> part(k, from, to).words();
        yield step(
            function,
            TensorLists.launches(function, k.params(), STEP_HEAD_WORDS, 5, words),
            k.hyper());
      }
      case Scale k -> {
        TensorLists.Words words =
            (from, to, _) -> new Scale(k.factor(), k.xs().subList(from, to)).words();
        yield new CudaCall(
            function.name(),
            device,
            List.copyOf(TensorLists.launches(function, k.xs(), SCALE_HEAD_WORDS, 2, words)));
      }
    };
  }

  /** The same step of some of the tensors. */
  private static Sgd part(Sgd k, int from, int to) {
    return new Sgd(
        k.hyper(),
        k.momentum(),
        k.dampening(),
        k.weightDecay(),
        k.nesterov(),
        k.params().subList(from, to),
        k.grads().subList(from, to),
        k.buffers().isEmpty() ? k.buffers() : k.buffers().subList(from, to));
  }

  /** The same step of some of the tensors. */
  private static AdamW part(AdamW k, int from, int to) {
    return new AdamW(
        k.hyper(),
        k.beta1(),
        k.beta2(),
        k.eps(),
        k.weightDecay(),
        k.params().subList(from, to),
        k.grads().subList(from, to),
        k.firstMoments().subList(from, to),
        k.secondMoments().subList(from, to));
  }

  private CudaCall step(CudaKernel kernel, List<Launch> launches, View hyper) {
    List<CudaCall.Step> steps = new ArrayList<>(launches);
    steps.add(new Launch(device.kernels().countStep, new long[] {hyper.address()}, 1, 1, 1, 0));
    return new CudaCall(kernel.name(), device, steps);
  }
}
