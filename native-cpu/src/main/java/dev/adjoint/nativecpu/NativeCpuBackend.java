package dev.adjoint.nativecpu;

import dev.adjoint.DType;
import dev.adjoint.Precision;
import dev.adjoint.TensorException;
import dev.adjoint.spi.ArgumentBlocks;
import dev.adjoint.spi.Backend;
import dev.adjoint.spi.BinaryKernel;
import dev.adjoint.spi.Gemm;
import dev.adjoint.spi.KernelCall;
import dev.adjoint.spi.KernelFamily;
import dev.adjoint.spi.KernelTable;
import dev.adjoint.spi.Layout;
import dev.adjoint.spi.Memory;
import dev.adjoint.spi.ReduceKernel;
import dev.adjoint.spi.Replay;
import dev.adjoint.spi.UnaryKernel;
import dev.adjoint.spi.View;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The C kernels of one variant. Each method packs the argument block that kernels.h describes. */
final class NativeCpuBackend implements Backend {
  /**
   * A call is brief if it visits no more elements than this: the slowest kernels (pow, sin) take
   * some 40 ns for one. Above it the crossing does not matter any more.
   */
  private static final long BRIEF_ELEMENTS = 256;

  /** The multiplications of a product that take as long as one element of the slowest kernel. */
  private static final long PRODUCTS_PER_ELEMENT = 16;

  private final NativeRuntime runtime;
  private final KernelLibrary kernels;
  private final KernelTable<Kernel> table;

  NativeCpuBackend(NativeRuntime runtime, KernelLibrary kernels) {
    this.runtime = runtime;
    this.kernels = kernels;
    this.table = kernels.table;
  }

  private static NativeCall call(Kernel kernel, long elements, long[] words) {
    return new NativeCall(kernel, words, elements <= BRIEF_ELEMENTS);
  }

  // ---- elementwise.c ----

  @Override
  public KernelCall unary(UnaryKernel kernel, View x, View out) {
    return unary(table.unary.of(kernel, x.dtype()), x, out);
  }

  private static NativeCall unary(Kernel kernel, View x, View out) {
    return call(kernel, out.numel(), ArgumentBlocks.unary(x, out));
  }

  @Override
  public KernelCall unaryGrad(UnaryKernel kernel, View grad, View saved, View out) {
    return call(
        table.unaryGrad.of(kernel, grad.dtype()),
        out.numel(),
        ArgumentBlocks.unaryGrad(grad, saved, out));
  }

  @Override
  public KernelCall binary(BinaryKernel kernel, View a, View b, View out) {
    return call(table.binary.of(kernel, a.dtype()), out.numel(), ArgumentBlocks.binary(a, b, out));
  }

  @Override
  public KernelCall binaryScalar(
      BinaryKernel kernel, View a, double scalar, boolean scalarFirst, View out) {
    return call(
        table.binaryScalar.of(kernel, a.dtype()),
        out.numel(),
        ArgumentBlocks.binaryScalar(a, scalar, scalarFirst, out));
  }

  @Override
  public KernelCall where(View condition, View a, View b, View out) {
    return call(
        table.where.of(out.dtype()), out.numel(), ArgumentBlocks.where(condition, a, b, out));
  }

  @Override
  public KernelCall copy(View x, View out) {
    return unary(table.copy.of(x.dtype()), x, out);
  }

  @Override
  public KernelCall cast(View x, View out) {
    DType from = x.dtype();
    return from == out.dtype() ? copy(x, out) : unary(table.castFrom.of(from, out.dtype()), x, out);
  }

  @Override
  public KernelCall fill(View out, double value) {
    return call(table.fill.of(out.dtype()), out.numel(), ArgumentBlocks.fill(out, value));
  }

  // ---- reduce.c ----

  @Override
  public KernelCall reduce(ReduceKernel kernel, View x, View out) {
    return x.numel() == 0
        ? fill(out, kernel == ReduceKernel.MEAN ? Double.NaN : 0)
        : call(table.reduce.of(kernel, x.dtype()), x.numel(), ArgumentBlocks.reduce(x, out));
  }

  @Override
  public KernelCall argmax(View x, View out) {
    return call(table.argmax.of(x.dtype()), x.numel(), ArgumentBlocks.argmax(x, out));
  }

  @Override
  public KernelCall sumSquares(List<View> xs, View out) {
    return many(table.sumSquares, xs, ArgumentBlocks.sumSquares(xs, out));
  }

  private static NativeCall many(KernelFamily<Kernel> family, List<View> views, long[] words) {
    // Of no tensors at all, the element type does not matter.
    DType dtype = views.isEmpty() ? DType.F32 : views.getFirst().dtype();
    long elements = 0;
    for (View view : views) {
      elements += view.numel();
    }
    return call(family.of(dtype), elements, words);
  }

  // ---- gemm ----

  @Override
  public long gemmScratchBytes(Gemm spec) {
    Kernel query = products(spec).scratchBytes.of(spec.out().dtype());
    return Downcalls.query(query.function(), ArgumentBlocks.gemm(spec, 0));
  }

  @Override
  public KernelCall gemm(Gemm spec, Memory scratch) {
    Layout a = spec.a().layout();
    long elements = spec.out().numel();
    long products = elements * a.size(a.rank() - 1);
    UnaryKernel activation = spec.activation();
    return call(
        products(spec).of(activation, spec.out().dtype()),
        elements * (activation == null ? 1 : 2) + products / PRODUCTS_PER_ELEMENT,
        ArgumentBlocks.gemm(spec, scratch.address()));
  }

  private KernelLibrary.Products products(Gemm spec) {
    if (spec.precision() != Precision.BF16) {
      return kernels.gemm;
    }
    return spec.a().dtype() == DType.BF16 ? kernels.gemmOfBf16 : kernels.gemmInBf16;
  }

  // ---- norm.c ----

  /** A call whose work is in proportion to the elements of {@code x}. */
  private static NativeCall all(KernelFamily<Kernel> family, View x, long[] words) {
    return call(family.of(x.dtype()), x.numel(), words);
  }

  @Override
  public KernelCall softmax(View x, View out) {
    return all(table.softmax, x, ArgumentBlocks.softmax(x, out));
  }

  @Override
  public KernelCall softmaxGrad(View grad, View y, View out) {
    return all(table.softmaxGrad, y, ArgumentBlocks.softmaxGrad(grad, y, out));
  }

  @Override
  public KernelCall logSoftmax(View x, View out) {
    return all(table.logSoftmax, x, ArgumentBlocks.softmax(x, out));
  }

  @Override
  public KernelCall logSoftmaxGrad(View grad, View y, View out) {
    return all(table.logSoftmaxGrad, y, ArgumentBlocks.softmaxGrad(grad, y, out));
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
    long[] words = ArgumentBlocks.norm(x, weight, bias, eps, out, mean, rstd);
    return all(table.layerNorm, x, words);
  }

  @Override
  public KernelCall rmsNorm(View x, @Nullable View weight, double eps, View out, View rstd) {
    return all(table.rmsNorm, x, ArgumentBlocks.norm(x, weight, null, eps, out, null, rstd));
  }

  @Override
  public long normGradScratchBytes(View x) {
    Kernel query = kernels.normGradScratchBytes.of(x.dtype());
    return Downcalls.query(query.function(), ArgumentBlocks.normGradSizes(x));
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
    long[] words =
        ArgumentBlocks.normGrad(grad, x, weight, mean, rstd, gradX, gradWeight, gradBias, scratch);
    return all(table.layerNormGrad, x, words);
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
    long[] words =
        ArgumentBlocks.normGrad(grad, x, weight, null, rstd, gradX, gradWeight, null, scratch);
    return all(table.rmsNormGrad, x, words);
  }

  // ---- loss.c ----

  @Override
  public KernelCall crossEntropy(
      View logits, View targets, long ignoreIndex, View losses, View logSumExp) {
    long[] words = ArgumentBlocks.crossEntropy(logits, targets, ignoreIndex, losses, logSumExp);
    return all(table.crossEntropy, logits, words);
  }

  @Override
  public KernelCall crossEntropyGrad(
      View grad, View logits, View targets, long ignoreIndex, View logSumExp, View out) {
    long[] words =
        ArgumentBlocks.crossEntropyGrad(grad, logits, targets, ignoreIndex, logSumExp, out);
    return all(table.crossEntropyGrad, logits, words);
  }

  // ---- attention.c: never brief, its work grows with the square of the length ----

  @Override
  public long attentionScratchBytes(View q, View k) {
    // Causal blocks are smaller, so there may be more chunks: their scratch serves both cases.
    return Downcalls.query(
        kernels.attentionScratchBytes.of(q.dtype()).function(),
        ArgumentBlocks.attention(q, k, k, true, 0, q, null, 0));
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
    return new NativeCall(
        table.attention.of(q.dtype()),
        ArgumentBlocks.attention(q, k, v, causal, scale, out, logSumExp, scratch.address()),
        false);
  }

  @Override
  public long attentionGradScratchBytes(View q, View k) {
    return Downcalls.query(
        kernels.attentionGradScratchBytes.of(q.dtype()).function(),
        ArgumentBlocks.attentionGrad(q, q, k, k, q, null, false, 0, q, k, k, 0));
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
    return new NativeCall(
        table.attentionGrad.of(q.dtype()),
        ArgumentBlocks.attentionGrad(
            grad, q, k, v, out, logSumExp, causal, scale, gradQ, gradK, gradV, scratch.address()),
        false);
  }

  // ---- index.c ----

  @Override
  public KernelCall gather(View rows, View indices, View out) {
    return call(table.gather, out.numel(), ArgumentBlocks.gather(rows, indices, out));
  }

  @Override
  public KernelCall scatterAdd(View x, View indices, View out) {
    return all(table.scatterAdd, x, ArgumentBlocks.scatterAdd(x, indices, out));
  }

  // ---- random.c ----

  @Override
  public KernelCall nextKey(View state, View key) {
    return call(table.nextKey, key.numel(), ArgumentBlocks.nextKey(state, key));
  }

  @Override
  public KernelCall uniform(View key, double low, double high, View out) {
    return all(table.uniform, out, ArgumentBlocks.random(key, low, high, out));
  }

  @Override
  public KernelCall normal(View key, double mean, double std, View out) {
    return all(table.normal, out, ArgumentBlocks.random(key, mean, std, out));
  }

  @Override
  public KernelCall dropout(View key, double p, View x, View out) {
    return all(table.dropout, x, ArgumentBlocks.dropout(key, p, x, out));
  }

  // ---- optimizer.c ----

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
    long[] words =
        ArgumentBlocks.sgd(
            params, grads, buffers, hyper, momentum, dampening, weightDecay, nesterov);
    return many(table.sgd, params, words);
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
    long[] words =
        ArgumentBlocks.adamW(
            params, grads, firstMoments, secondMoments, hyper, beta1, beta2, eps, weightDecay);
    return many(table.adamW, params, words);
  }

  @Override
  public KernelCall scale(List<View> xs, View factor) {
    return many(table.scale, xs, ArgumentBlocks.scale(xs, factor));
  }

  // ---- memory and the rest ----

  @Override
  public String description() {
    int threads = threads();
    return "cpu " + kernels.variant + ", " + threads + (threads == 1 ? " thread" : " threads");
  }

  /** How many threads the kernels use, the calling one included; the same for all variants. */
  int threads() {
    return runtime.threads();
  }

  @Override
  public @Nullable Memory allocate(long bytes) {
    return runtime.memory().allocate(bytes);
  }

  @Override
  public void free(Memory memory) {
    runtime.memory().free(memory);
  }

  @Override
  public long memoryBudget() {
    return MemoryBudget.bytes();
  }

  @Override
  public void download(View contiguous, MemorySegment target) {
    MemorySegment source = contiguous.memory().segment();
    MemorySegment.copy(source, firstByte(contiguous), target, 0, byteCount(contiguous));
  }

  @Override
  public void upload(MemorySegment source, View contiguous) {
    MemorySegment target = contiguous.memory().segment();
    MemorySegment.copy(source, 0, target, firstByte(contiguous), byteCount(contiguous));
  }

  private static long firstByte(View view) {
    return view.layout().offset() * view.dtype().bytes();
  }

  private static long byteCount(View view) {
    return view.numel() * view.dtype().bytes();
  }

  @Override
  public Replay compile(List<KernelCall> calls) {
    return new NativeReplay(
        runtime.replay(), calls.stream().map(NativeCpuBackend::requireNative).toList());
  }

  private static NativeCall requireNative(KernelCall call) {
    if (call instanceof NativeCall own) {
      return own;
    }
    throw new TensorException("compile: " + call.kernel() + " is a call of another backend");
  }
}
