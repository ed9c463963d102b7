package dev.adjoint.cuda;

import dev.adjoint.DType;
import dev.adjoint.spi.ArgumentBlocks;
import dev.adjoint.spi.KernelCall;
import dev.adjoint.spi.KernelTable;
import dev.adjoint.spi.OptimizerKernels;
import dev.adjoint.spi.View;
import java.util.ArrayList;
import java.util.List;

/** Launches of optimizer.cu. */
final class CudaOptimizers implements OptimizerKernels {
  private static final int STEP_HEAD_WORDS = 6;
  private static final int SCALE_HEAD_WORDS = 2;

  private final CudaDevice device;
  private final KernelTable<CudaKernel> kernels;
  private final CudaKernel countStep;

  CudaOptimizers(CudaDevice device, CudaKernels kernels) {
    this.device = device;
    this.kernels = kernels.table();
    this.countStep = kernels.get("count_step");
  }

  @Override
  public KernelCall sgd(
      List<View> params,
      List<View> grads,
      List<View> buffers,
      View hyper,
      double momentum,
      double dampening,
      double weightDecay,
      boolean nesterov) {
    CudaKernel kernel = kernels.sgd.of(dtype(params));
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
  public KernelCall adamW(
      List<View> params,
      List<View> grads,
      List<View> firstMoments,
      List<View> secondMoments,
      View hyper,
      double beta1,
      double beta2,
      double eps,
      double weightDecay) {
    CudaKernel kernel = kernels.adamW.of(dtype(params));
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
    steps.add(new Launch(countStep, new long[] {hyper.address()}, 1, 1, 1, 0));
    return new CudaCall(kernel.name(), device, steps);
  }

  @Override
  public KernelCall scale(List<View> xs, View factor) {
    CudaKernel kernel = kernels.scale.of(factor.dtype());
    List<Launch> launches =
        TensorLists.launches(
            kernel,
            xs,
            SCALE_HEAD_WORDS,
            2,
            (from, to, _) -> ArgumentBlocks.scale(xs.subList(from, to), factor));
    return new CudaCall(kernel.name(), device, List.copyOf(launches));
  }
}
