package dev.adjoint.cuda;

import dev.adjoint.DType;
import dev.adjoint.TensorException;
import dev.adjoint.spi.Backend;
import dev.adjoint.spi.BinaryKernel;
import dev.adjoint.spi.Gemm;
import dev.adjoint.spi.KernelCall;
import dev.adjoint.spi.Memory;
import dev.adjoint.spi.MemoryLimit;
import dev.adjoint.spi.ReduceKernel;
import dev.adjoint.spi.Replay;
import dev.adjoint.spi.UnaryKernel;
import dev.adjoint.spi.View;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One GPU as a backend: each family of kernels has a class that plans its launches. */
final class CudaBackend implements Backend {
  private final CudaDevice device;
  private final CudaElementwise elementwise;
  private final CudaReductions reductions;
  private final CudaGemm products;
  private final CudaNorms norms;
  private final CudaLosses loss;
  private final CudaAttention attention;
  private final CudaIndexing indexing;
  private final CudaRandom random;
  private final CudaOptimizers optimizers;

  CudaBackend(CudaDevice device) {
    this.device = device;
    CudaKernels kernels = device.kernels();
    elementwise = new CudaElementwise(device, kernels);
    reductions = new CudaReductions(device, kernels);
    products = new CudaGemm(device, elementwise);
    norms = new CudaNorms(device, kernels);
    loss = new CudaLosses(device, kernels);
    attention = new CudaAttention(device, kernels);
    indexing = new CudaIndexing(device, kernels);
    random = new CudaRandom(device, kernels);
    optimizers = new CudaOptimizers(device, kernels);
  }

  // ---- elementwise ----

  @Override
  public KernelCall unary(UnaryKernel kernel, View x, View out) {
    return elementwise.unary(kernel, x, out);
  }

  @Override
  public KernelCall unaryGrad(UnaryKernel kernel, View grad, View saved, View out) {
    return elementwise.unaryGrad(kernel, grad, saved, out);
  }

  @Override
  public KernelCall binary(BinaryKernel kernel, View a, View b, View out) {
    return elementwise.binary(kernel, a, b, out);
  }

  @Override
  public KernelCall binaryScalar(
      BinaryKernel kernel, View a, double scalar, boolean scalarFirst, View out) {
    return elementwise.binaryScalar(kernel, a, scalar, scalarFirst, out);
  }

  @Override
  public KernelCall where(View condition, View a, View b, View out) {
    return elementwise.where(condition, a, b, out);
  }

  @Override
  public KernelCall copy(View x, View out) {
    return elementwise.copy(x, out);
  }

  @Override
  public KernelCall cast(View x, View out) {
    return elementwise.cast(x, out);
  }

  @Override
  public KernelCall fill(View out, double value) {
    return elementwise.fill(out, value);
  }

  // ---- reductions ----

  @Override
  public KernelCall reduce(ReduceKernel kernel, View x, View out) {
    return reductions.reduce(kernel, x, out);
  }

  @Override
  public KernelCall argmax(View x, View out) {
    return reductions.argmax(x, out);
  }

  @Override
  public KernelCall sumSquares(List<View> xs, View out) {
    return reductions.sumSquares(xs, out);
  }

  // ---- products ----

  @Override
  public long gemmScratchBytes(Gemm spec) {
    return products.gemmScratchBytes(spec);
  }

  @Override
  public KernelCall gemm(Gemm spec, Memory scratch) {
    return products.gemm(spec, scratch);
  }

  // ---- norms ----

  @Override
  public KernelCall softmax(View x, View out) {
    return norms.softmax(x, out);
  }

  @Override
  public KernelCall softmaxGrad(View grad, View y, View out) {
    return norms.softmaxGrad(grad, y, out);
  }

  @Override
  public KernelCall logSoftmax(View x, View out) {
    return norms.logSoftmax(x, out);
  }

  @Override
  public KernelCall logSoftmaxGrad(View grad, View y, View out) {
    return norms.logSoftmaxGrad(grad, y, out);
  }

  @Override
  public KernelCall layerNorm(
      View x,
      @Nullable View weight,
      @Nullable View bias,
      double eps,
      View out,
      View mean,
      View rstd) {
    return norms.layerNorm(x, weight, bias, eps, out, mean, rstd);
  }

  @Override
  public long normGradScratchBytes(View x) {
    return norms.normGradScratchBytes(x);
  }

  @Override
  public KernelCall layerNormGrad(
      View grad,
      View x,
      @Nullable View weight,
      View mean,
      View rstd,
      @Nullable View gradX,
      @Nullable View gradWeight,
      @Nullable View gradBias,
      Memory scratch) {
    return norms.layerNormGrad(grad, x, weight, mean, rstd, gradX, gradWeight, gradBias, scratch);
  }

  @Override
  public KernelCall rmsNorm(View x, @Nullable View weight, double eps, View out, View rstd) {
    return norms.rmsNorm(x, weight, eps, out, rstd);
  }

  @Override
  public KernelCall rmsNormGrad(
      View grad,
      View x,
      @Nullable View weight,
      View rstd,
      @Nullable View gradX,
      @Nullable View gradWeight,
      Memory scratch) {
    return norms.rmsNormGrad(grad, x, weight, rstd, gradX, gradWeight, scratch);
  }

  // ---- loss ----

  @Override
  public KernelCall crossEntropy(
      View logits, View targets, long ignoreIndex, View losses, View logSumExp) {
    return loss.crossEntropy(logits, targets, ignoreIndex, losses, logSumExp);
  }

  @Override
  public KernelCall crossEntropyGrad(
      View grad, View logits, View targets, long ignoreIndex, View logSumExp, View out) {
    return loss.crossEntropyGrad(grad, logits, targets, ignoreIndex, logSumExp, out);
  }

  // ---- attention ----

  @Override
  public long attentionScratchBytes(View q, View k) {
    return attention.attentionScratchBytes(q, k);
  }

  @Override
  public KernelCall attention(
      View q,
      View k,
      View v,
      boolean causal,
      double scale,
      View out,
      View logSumExp,
      Memory scratch) {
    return attention.attention(q, k, v, causal, scale, out, logSumExp, scratch);
  }

  @Override
  public long attentionGradScratchBytes(View q, View k) {
    return attention.attentionGradScratchBytes(q, k);
  }

  @Override
  public KernelCall attentionGrad(
      View grad,
      View q,
      View k,
      View v,
      View out,
      View logSumExp,
      boolean causal,
      double scale,
      @Nullable View gradQ,
      @Nullable View gradK,
      @Nullable View gradV,
      Memory scratch) {
    return attention.attentionGrad(
        grad, q, k, v, out, logSumExp, causal, scale, gradQ, gradK, gradV, scratch);
  }

  // ---- indexing ----

  @Override
  public KernelCall gather(View table, View indices, View out) {
    return indexing.gather(table, indices, out);
  }

  @Override
  public KernelCall scatterAdd(View x, View indices, View out) {
    return indexing.scatterAdd(x, indices, out);
  }

  // ---- random ----

  @Override
  public KernelCall nextKey(View state, View key) {
    return random.nextKey(state, key);
  }

  @Override
  public KernelCall uniform(View key, double low, double high, View out) {
    return random.uniform(key, low, high, out);
  }

  @Override
  public KernelCall normal(View key, double mean, double std, View out) {
    return random.normal(key, mean, std, out);
  }

  @Override
  public KernelCall dropout(View key, double p, View x, View out) {
    return random.dropout(key, p, x, out);
  }

  // ---- optimizers ----

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
    return optimizers.sgd(
        params, grads, buffers, hyper, momentum, dampening, weightDecay, nesterov);
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
    return optimizers.adamW(
        params, grads, firstMoments, secondMoments, hyper, beta1, beta2, eps, weightDecay);
  }

  @Override
  public KernelCall scale(List<View> xs, View factor) {
    return optimizers.scale(xs, factor);
  }

  // ---- memory and the rest ----

  @Override
  public String description() {
    return "cuda:" + device.ordinal() + " " + device.description();
  }

  @Override
  public boolean computes(DType floating) {
    return CudaKernels.COMPUTED.contains(floating);
  }

  @Override
  public boolean isAsynchronous() {
    return true;
  }

  @Override
  public void synchronize() {
    device.synchronize();
  }

  @Override
  public @Nullable Memory allocate(long bytes) {
    return device.allocate(bytes);
  }

  @Override
  public void free(Memory memory) {
    device.free(memory);
  }

  /** Some is left to the driver, which takes more as kernels need it. */
  @Override
  public long memoryBudget() {
    return MemoryLimit.configured(() -> device.freeBytes() / 10 * 9);
  }

  @Override
  public void download(View contiguous, MemorySegment target) {
    device.download(contiguous.address(), target, byteCount(contiguous));
  }

  @Override
  public void upload(MemorySegment source, View contiguous) {
    device.upload(source, contiguous.address(), byteCount(contiguous));
  }

  private static long byteCount(View view) {
    return view.numel() * view.dtype().bytes();
  }

  @Override
  public Replay compile(List<KernelCall> calls) {
    return new CudaReplay(device, calls.stream().map(this::requireOwn).toList());
  }

  private CudaCall requireOwn(KernelCall call) {
    if (call instanceof CudaCall own && own.device() == device) {
      return own;
    }
    throw new TensorException("compile: " + call.kernel() + " is a call of another backend");
  }
}
