package dev.adjoint.cuda;

import dev.adjoint.DType;
import dev.adjoint.spi.ArgumentBlocks;
import dev.adjoint.spi.KernelCall;
import dev.adjoint.spi.OptimizerKernels;
import dev.adjoint.spi.View;
import java.util.ArrayList;
import java.util.List;

/** Launches of optimizer.cu. */
interface CudaOptimizers extends OptimizerKernels, CudaFamily {
  int STEP_HEAD_WORDS = 6;
  int SCALE_HEAD_WORDS = 2;

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
    CudaKernel kernel = table().sgd.of(dtype(params));
    List<Launch> launches =
        TensorLists.launches(
            kernel,
            params,
            STEP_HEAD_WORDS,
            4,
            (from, to, _) ->
                ArgumentBlocks.sgd(
                    params.subList(from, to),
                    grads.subList(from, to),
                    buffers.isEmpty() ? buffers : buffers.subList(from, to),
                    hyper,
                    momentum,
                    dampening,
                    weightDecay,
                    nesterov));
    return step(kernel, launches, hyper);
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
    CudaKernel kernel = table().adamW.of(dtype(params));
    List<Launch> launches =
        TensorLists.launches(
            kernel,
            params,
            STEP_HEAD_WORDS,
            5,
            (from, to, _) ->
                ArgumentBlocks.adamW(
                    params.subList(from, to),
                    grads.subList(from, to),
                    firstMoments.subList(from, to),
                    secondMoments.subList(from, to),
                    hyper,
                    beta1,
                    beta2,
                    eps,
                    weightDecay));
    return step(kernel, launches, hyper);
  }

  /** Without parameters only the step count moves; its kernel does not depend on the type. */
  private static DType dtype(List<View> params) {
    return params.isEmpty() ? DType.F32 : params.getFirst().dtype();
  }

  private KernelCall step(CudaKernel kernel, List<Launch> launches, View hyper) {
    List<CudaCall.Step> steps = new ArrayList<>(launches);
    steps.add(new Launch(kernels().countStep, new long[] {hyper.address()}, 1, 1, 1, 0));
    return new CudaCall(kernel.name(), device(), steps);
  }

  @Override
  default KernelCall scale(List<View> xs, View factor) {
    CudaKernel kernel = table().scale.of(factor.dtype());
    List<Launch> launches =
        TensorLists.launches(
            kernel,
            xs,
            SCALE_HEAD_WORDS,
            2,
            (from, to, _) -> ArgumentBlocks.scale(xs.subList(from, to), factor));
    return new CudaCall(kernel.name(), device(), List.copyOf(launches));
  }
}
