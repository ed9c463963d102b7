package dev.adjoint.nativecpu;

import static dev.adjoint.nativecpu.Arguments.address;
import static dev.adjoint.nativecpu.Arguments.bit;
import static dev.adjoint.nativecpu.Arguments.bits;
import static dev.adjoint.nativecpu.Arguments.columns;
import static dev.adjoint.nativecpu.Arguments.rows;
import static dev.adjoint.nativecpu.Arguments.strides;
import static dev.adjoint.spi.Iteration.pack;

import dev.adjoint.DType;
import dev.adjoint.Precision;
import dev.adjoint.TensorException;
import dev.adjoint.spi.Backend;
import dev.adjoint.spi.BinaryKernel;
import dev.adjoint.spi.Gemm;
import dev.adjoint.spi.KernelCall;
import dev.adjoint.spi.Layout;
import dev.adjoint.spi.Memory;
import dev.adjoint.spi.ReduceKernel;
import dev.adjoint.spi.Replay;
import dev.adjoint.spi.UnaryKernel;
import dev.adjoint.spi.View;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
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

  NativeCpuBackend(NativeRuntime runtime, KernelLibrary kernels) {
    this.runtime = runtime;
    this.kernels = kernels;
  }

  private static NativeCall call(Kernel kernel, long elements, long[] words) {
    return new NativeCall(kernel, words, elements <= BRIEF_ELEMENTS);
  }

  // ---- elementwise.c ----

  @Override
  public KernelCall unary(UnaryKernel kernel, View x, View out) {
    return unary(kernels.unary.of(kernel, x.dtype()), x, out);
  }

  private static NativeCall unary(Kernel kernel, View x, View out) {
    long[] head = {x.address(), out.address()};
    return call(kernel, out.numel(), pack(head, x.layout(), out.layout()));
  }

  @Override
  public KernelCall unaryGrad(UnaryKernel kernel, View grad, View saved, View out) {
    long[] head = {grad.address(), saved.address(), out.address()};
    return call(
        kernels.unaryGrad.of(kernel, grad.dtype()),
        out.numel(),
        pack(head, grad.layout(), saved.layout(), out.layout()));
  }

  @Override
  public KernelCall binary(BinaryKernel kernel, View a, View b, View out) {
    long[] head = {a.address(), b.address(), out.address()};
    return call(
        kernels.binary.of(kernel, a.dtype()),
        out.numel(),
        pack(head, a.layout(), b.layout(), out.layout()));
  }

  @Override
  public KernelCall binaryScalar(
      BinaryKernel kernel, View a, double scalar, boolean scalarFirst, View out) {
    long[] head = {a.address(), out.address(), bits(scalar), bit(scalarFirst)};
    return call(
        kernels.binaryScalar.of(kernel, a.dtype()),
        out.numel(),
        pack(head, a.layout(), out.layout()));
  }

  @Override
  public KernelCall where(View condition, View a, View b, View out) {
    long[] head = {condition.address(), a.address(), b.address(), out.address()};
    return call(
        kernels.where.of(out.dtype()),
        out.numel(),
        pack(head, condition.layout(), a.layout(), b.layout(), out.layout()));
  }

  @Override
  public KernelCall copy(View x, View out) {
    return unary(kernels.copy.of(x.dtype()), x, out);
  }

  @Override
  public KernelCall cast(View x, View out) {
    DType from = x.dtype();
    return from == out.dtype()
        ? copy(x, out)
        : unary(kernels.castFrom.of(from, out.dtype()), x, out);
  }

  @Override
  public KernelCall fill(View out, double value) {
    long[] head = {out.address(), bits(value)};
    return call(kernels.fill.of(out.dtype()), out.numel(), pack(head, out.layout()));
  }

  // ---- reduce.c ----

  @Override
  public KernelCall reduce(ReduceKernel kernel, View x, View out) {
    if (x.numel() == 0) {
      // Loops over nothing cannot say how many results there are.
      return fill(out, kernel == ReduceKernel.MEAN ? Double.NaN : 0);
    }
    long[] head = {x.address(), out.address()};
    Layout repeated = out.layout().expand(x.layout().shape());
    return call(kernels.reduce.of(kernel, x.dtype()), x.numel(), pack(head, x.layout(), repeated));
  }

  @Override
  public KernelCall argmax(View x, View out) {
    Layout layout = x.layout();
    int last = layout.rank() - 1;
    long[] head = {x.address(), out.address(), layout.size(last), layout.stride(last)};
    return call(
        kernels.argmax.of(x.dtype()), x.numel(), pack(head, layout.select(last, 0), out.layout()));
  }

  @Override
  public KernelCall sumSquares(List<View> xs, View out) {
    // With nothing to add, the element type does not matter.
    DType dtype = xs.isEmpty() ? DType.F32 : xs.getFirst().dtype();
    long[] head = {out.address(), xs.size()};
    return call(kernels.sumSquares.of(dtype), total(xs), columns(head, xs));
  }

  private static long total(List<View> views) {
    long elements = 0;
    for (View view : views) {
      elements += view.numel();
    }
    return elements;
  }

  // ---- gemm ----

  @Override
  public long gemmScratchBytes(Gemm spec) {
    Kernel query = products(spec).scratchBytes.of(spec.out().dtype());
    return Downcalls.query(query.function(), gemmWords(spec, 0));
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
        gemmWords(spec, scratch.address()));
  }

  private KernelLibrary.Products products(Gemm spec) {
    return spec.precision() == Precision.BF16 ? kernels.gemmInBf16 : kernels.gemm;
  }

  private static long[] gemmWords(Gemm spec, long scratch) {
    Layout a = spec.a().layout();
    Layout b = spec.b().layout();
    Layout out = spec.out().layout();
    int col = out.rank() - 1;
    int row = col - 1;
    long[] head = {
      spec.a().address(),
      spec.b().address(),
      spec.out().address(),
      address(spec.before()),
      address(spec.bias()),
      scratch,
      out.size(row),
      out.size(col),
      a.size(col),
      a.stride(row),
      a.stride(col),
      b.stride(row),
      b.stride(col),
      out.stride(row),
      bits(spec.alpha()),
      bits(spec.beta())
    };
    if (row == 0) {
      return Arrays.copyOf(head, head.length + 1); // depth 0: a single product
    }
    return pack(head, batch(a), batch(b), batch(out));
  }

  private static Layout batch(Layout matrices) {
    int last = matrices.rank() - 1;
    return matrices.select(last, 0).select(last - 1, 0);
  }

  // ---- norm.c ----

  private static long rowCount(View matrix) {
    return matrix.layout().size(0);
  }

  private static long columnCount(View matrix) {
    return matrix.layout().size(1);
  }

  private static NativeCall perRow(KernelFamily family, View x, View out) {
    long[] words = {x.address(), out.address(), rowCount(x), columnCount(x)};
    return call(family.of(x.dtype()), x.numel(), words);
  }

  private static NativeCall perRow(KernelFamily family, View grad, View y, View out) {
    long[] words = {grad.address(), y.address(), out.address(), rowCount(y), columnCount(y)};
    return call(family.of(y.dtype()), y.numel(), words);
  }

  @Override
  public KernelCall softmax(View x, View out) {
    return perRow(kernels.softmax, x, out);
  }

  @Override
  public KernelCall softmaxGrad(View grad, View y, View out) {
    return perRow(kernels.softmaxGrad, grad, y, out);
  }

  @Override
  public KernelCall logSoftmax(View x, View out) {
    return perRow(kernels.logSoftmax, x, out);
  }

  @Override
  public KernelCall logSoftmaxGrad(View grad, View y, View out) {
    return perRow(kernels.logSoftmaxGrad, grad, y, out);
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
    return norm(kernels.layerNorm, x, weight, bias, eps, out, mean, rstd);
  }

  @Override
  public KernelCall rmsNorm(View x, @Nullable View weight, double eps, View out, View rstd) {
    return norm(kernels.rmsNorm, x, weight, null, eps, out, null, rstd);
  }

  private static NativeCall norm(
      KernelFamily family,
      View x,
      @Nullable View weight,
      @Nullable View bias,
      double eps,
      View out,
      @Nullable View mean,
      View rstd) {
    long[] words = {
      x.address(),
      address(weight),
      address(bias),
      out.address(),
      address(mean),
      rstd.address(),
      rowCount(x),
      columnCount(x),
      bits(eps)
    };
    return call(family.of(x.dtype()), x.numel(), words);
  }

  @Override
  public long normGradScratchBytes(View x) {
    // Only the sizes are read.
    long[] words = {0, 0, 0, 0, 0, 0, 0, 0, 0, rowCount(x), columnCount(x)};
    return Downcalls.query(kernels.normGradScratchBytes.of(x.dtype()).function(), words);
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
    return normGrad(
        kernels.layerNormGrad, grad, x, weight, mean, rstd, gradX, gradWeight, gradBias, scratch);
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
    return normGrad(
        kernels.rmsNormGrad, grad, x, weight, null, rstd, gradX, gradWeight, null, scratch);
  }

  private static NativeCall normGrad(
      KernelFamily family,
      View grad,
      View x,
      @Nullable View weight,
      @Nullable View mean,
      View rstd,
      @Nullable View gradX,
      @Nullable View gradWeight,
      @Nullable View gradBias,
      Memory scratch) {
    long[] words = {
      grad.address(),
      x.address(),
      address(weight),
      address(mean),
      rstd.address(),
      address(gradX),
      address(gradWeight),
      address(gradBias),
      scratch.address(),
      rowCount(x),
      columnCount(x)
    };
    return call(family.of(x.dtype()), x.numel(), words);
  }

  // ---- loss.c ----

  @Override
  public KernelCall crossEntropy(
      View logits, View targets, long ignoreIndex, View losses, View logSumExp) {
    long[] words = {
      logits.address(),
      targets.address(),
      losses.address(),
      logSumExp.address(),
      rowCount(logits),
      columnCount(logits),
      ignoreIndex
    };
    return call(kernels.crossEntropy.of(logits.dtype()), logits.numel(), words);
  }

  @Override
  public KernelCall crossEntropyGrad(
      View grad, View logits, View targets, long ignoreIndex, View logSumExp, View out) {
    long[] words = {
      grad.address(),
      logits.address(),
      targets.address(),
      logSumExp.address(),
      out.address(),
      grad.layout().stride(0),
      rowCount(logits),
      columnCount(logits),
      ignoreIndex
    };
    return call(kernels.crossEntropyGrad.of(logits.dtype()), logits.numel(), words);
  }

  // ---- attention.c: never brief, its work grows with the square of the length ----

  @Override
  public long attentionScratchBytes(View q, View k) {
    // Causal blocks are smaller, so there may be more chunks: their scratch serves both cases.
    return Downcalls.query(
        kernels.attentionScratchBytes.of(q.dtype()).function(),
        attentionWords(q, k, k, true, 0, q, null, 0));
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
        kernels.attention.of(q.dtype()),
        attentionWords(q, k, v, causal, scale, out, logSumExp, scratch.address()),
        false);
  }

  private static long[] attentionWords(
      View q,
      View k,
      View v,
      boolean causal,
      double scale,
      View out,
      @Nullable View logSumExp,
      long scratch) {
    long[] head = {
      q.address(),
      k.address(),
      v.address(),
      out.address(),
      address(logSumExp),
      scratch,
      q.layout().size(0),
      q.layout().size(1),
      q.layout().size(2),
      k.layout().size(2),
      q.layout().size(3),
      bit(causal),
      bits(scale)
    };
    return strides(head, q, k, v, out);
  }

  @Override
  public long attentionGradScratchBytes(View q, View k) {
    return Downcalls.query(
        kernels.attentionGradScratchBytes.of(q.dtype()).function(),
        attentionGradWords(q, q, k, k, q, null, false, 0, q, k, k, 0));
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
        kernels.attentionGrad.of(q.dtype()),
        attentionGradWords(
            grad, q, k, v, out, logSumExp, causal, scale, gradQ, gradK, gradV, scratch.address()),
        false);
  }

  private static long[] attentionGradWords(
      View grad,
      View q,
      View k,
      View v,
      View out,
      @Nullable View logSumExp,
      boolean causal,
      double scale,
      @Nullable View gradQ,
      @Nullable View gradK,
      @Nullable View gradV,
      long scratch) {
    long[] head = {
      grad.address(),
      q.address(),
      k.address(),
      v.address(),
      out.address(),
      address(logSumExp),
      address(gradQ),
      address(gradK),
      address(gradV),
      scratch,
      q.layout().size(0),
      q.layout().size(1),
      q.layout().size(2),
      k.layout().size(2),
      q.layout().size(3),
      bit(causal),
      bits(scale)
    };
    return strides(head, grad, q, k, v, out, gradQ, gradK, gradV);
  }

  // ---- index.c ----

  @Override
  public KernelCall gather(View table, View indices, View out) {
    long[] words = {
      table.address(),
      indices.address(),
      out.address(),
      rowCount(table),
      indices.numel(),
      columnCount(table) * table.dtype().bytes()
    };
    return call(kernels.gather, out.numel(), words);
  }

  @Override
  public KernelCall scatterAdd(View x, View indices, View out) {
    long[] words = {
      x.address(),
      indices.address(),
      out.address(),
      rowCount(out),
      indices.numel(),
      columnCount(out)
    };
    return call(kernels.scatterAdd.of(x.dtype()), x.numel(), words);
  }

  // ---- random.c ----

  @Override
  public KernelCall nextKey(View state, View key) {
    return call(kernels.nextKey, key.numel(), new long[] {state.address(), key.address()});
  }

  @Override
  public KernelCall uniform(View key, double low, double high, View out) {
    return random(kernels.uniform, key, low, high, out);
  }

  @Override
  public KernelCall normal(View key, double mean, double std, View out) {
    return random(kernels.normal, key, mean, std, out);
  }

  private static NativeCall random(KernelFamily family, View key, double a, double b, View out) {
    long[] words = {key.address(), out.address(), bits(a), bits(b), out.numel()};
    return call(family.of(out.dtype()), out.numel(), words);
  }

  @Override
  public KernelCall dropout(View key, double p, View x, View out) {
    long[] words = {key.address(), x.address(), out.address(), bits(p), x.numel()};
    return call(kernels.dropout.of(x.dtype()), x.numel(), words);
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
    long[] head = {
      hyper.address(),
      bits(momentum),
      bits(dampening),
      bits(weightDecay),
      bit(nesterov),
      params.size()
    };
    return step(kernels.sgd, params, rows(head, params, grads, buffers));
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
    long[] head = {
      hyper.address(), bits(beta1), bits(beta2), bits(eps), bits(weightDecay), params.size()
    };
    return step(kernels.adamW, params, rows(head, params, grads, firstMoments, secondMoments));
  }

  @Override
  public KernelCall scale(List<View> xs, View factor) {
    long[] head = {factor.address(), xs.size()};
    return call(kernels.scale.of(factor.dtype()), total(xs), columns(head, xs));
  }

  private static NativeCall step(KernelFamily family, List<View> params, long[] words) {
    // Without parameters only the step count moves; its kernel does not depend on the type.
    DType dtype = params.isEmpty() ? DType.F32 : params.getFirst().dtype();
    return call(family.of(dtype), total(params), words);
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
