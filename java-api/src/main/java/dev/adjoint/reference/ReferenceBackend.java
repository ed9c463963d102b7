package dev.adjoint.reference;

import dev.adjoint.spi.AttentionKernels.Attention;
import dev.adjoint.spi.AttentionKernels.AttentionGrad;
import dev.adjoint.spi.ElementwiseKernels.Binary;
import dev.adjoint.spi.ElementwiseKernels.BinaryScalar;
import dev.adjoint.spi.ElementwiseKernels.Cast;
import dev.adjoint.spi.ElementwiseKernels.Copy;
import dev.adjoint.spi.ElementwiseKernels.Fill;
import dev.adjoint.spi.ElementwiseKernels.Unary;
import dev.adjoint.spi.ElementwiseKernels.UnaryGrad;
import dev.adjoint.spi.ElementwiseKernels.Where;
import dev.adjoint.spi.IndexKernels.Gather;
import dev.adjoint.spi.IndexKernels.ScatterAdd;
import dev.adjoint.spi.LossKernels.CrossEntropy;
import dev.adjoint.spi.LossKernels.CrossEntropyGrad;
import dev.adjoint.spi.NormKernels.LayerNorm;
import dev.adjoint.spi.NormKernels.LayerNormGrad;
import dev.adjoint.spi.NormKernels.LogSoftmax;
import dev.adjoint.spi.NormKernels.LogSoftmaxGrad;
import dev.adjoint.spi.NormKernels.RmsNorm;
import dev.adjoint.spi.NormKernels.RmsNormGrad;
import dev.adjoint.spi.NormKernels.Softmax;
import dev.adjoint.spi.NormKernels.SoftmaxGrad;
import dev.adjoint.spi.OptimizerKernels.AdamW;
import dev.adjoint.spi.OptimizerKernels.Scale;
import dev.adjoint.spi.OptimizerKernels.Sgd;
import dev.adjoint.spi.RandomKernels.Dropout;
import dev.adjoint.spi.RandomKernels.NextKey;
import dev.adjoint.spi.RandomKernels.Normal;
import dev.adjoint.spi.RandomKernels.Uniform;
import dev.adjoint.spi.ReductionKernels.Argmax;
import dev.adjoint.spi.ReductionKernels.Reduce;
import dev.adjoint.spi.ReductionKernels.SumSquares;
import dev.adjoint.spi.Gemm;
import dev.adjoint.spi.Kernel;
import dev.adjoint.spi.AttentionKernels;
import dev.adjoint.spi.Scratch;
import dev.adjoint.DType;
import dev.adjoint.spi.Backend;
import dev.adjoint.spi.KernelCall;
import dev.adjoint.spi.Memory;
import dev.adjoint.spi.MemoryLimit;
import dev.adjoint.spi.Replay;
import dev.adjoint.spi.View;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The executable specification of every kernel: plain Java on off-heap memory. Floating types are
 * computed in float64, integers in 64 bits, and rounded once, when a result is stored; elements are
 * visited by logical index, in order, on the calling thread. Slow on purpose: a faster backend is
 * right when it agrees with this one.
 */
public final class ReferenceBackend implements Backend {
  private static final long ALIGNMENT = 64;

  private final Map<Long, Arena> arenas = new ConcurrentHashMap<>();

  @Override
  public String description() {
    return "reference (plain Java, one thread)";
  }

  /** BF16 too; F16 is only a type of memory, but for products and attention. */
  @Override
  public boolean has(Class<? extends Kernel> kind, DType floating) {
    return floating.isFloating()
        && (floating != DType.F16
            || kind == Gemm.class
            || AttentionKernels.class.isAssignableFrom(kind));
  }

  @Override
  public KernelCall call(Kernel kernel, Scratch scratch) {
    Runnable body =
        switch (kernel) {
          case Unary k -> ReferenceElementwise.unary(k);
          case UnaryGrad k -> ReferenceElementwise.unaryGrad(k);
          case Binary k -> ReferenceElementwise.binary(k);
          case BinaryScalar k -> ReferenceElementwise.binaryScalar(k);
          case Where k -> ReferenceElementwise.where(k);
          case Copy k -> ReferenceElementwise.copy(k);
          case Cast k -> ReferenceElementwise.cast(k);
          case Fill k -> ReferenceElementwise.fill(k);
          case Reduce k -> ReferenceReductions.reduce(k);
          case Argmax k -> ReferenceReductions.argmax(k);
          case SumSquares k -> ReferenceReductions.sumSquares(k);
          case Gemm k -> ReferenceGemm.gemm(k);
          case Softmax k -> ReferenceNorms.softmax(k);
          case SoftmaxGrad k -> ReferenceNorms.softmaxGrad(k);
          case LogSoftmax k -> ReferenceNorms.logSoftmax(k);
          case LogSoftmaxGrad k -> ReferenceNorms.logSoftmaxGrad(k);
          case LayerNorm k -> ReferenceNorms.layerNorm(k);
          case LayerNormGrad k -> ReferenceNorms.layerNormGrad(k);
          case RmsNorm k -> ReferenceNorms.rmsNorm(k);
          case RmsNormGrad k -> ReferenceNorms.rmsNormGrad(k);
          case CrossEntropy k -> ReferenceLosses.crossEntropy(k);
          case CrossEntropyGrad k -> ReferenceLosses.crossEntropyGrad(k);
          case Attention k -> ReferenceAttention.attention(k);
          case AttentionGrad k -> ReferenceAttention.attentionGrad(k);
          case Gather k -> ReferenceIndexing.gather(k);
          case ScatterAdd k -> ReferenceIndexing.scatterAdd(k);
          case NextKey k -> ReferenceRandom.nextKey(k);
          case Uniform k -> ReferenceRandom.uniform(k);
          case Normal k -> ReferenceRandom.normal(k);
          case Dropout k -> ReferenceRandom.dropout(k);
          case Sgd k -> ReferenceOptimizers.sgd(k);
          case AdamW k -> ReferenceOptimizers.adamW(k);
          case Scale k -> ReferenceOptimizers.scale(k);
        };
    return new Call(kernel.symbol().name(), body);
  }

  @Override
  @SuppressWarnings("MustBeClosedChecker") // free() closes it
  public @Nullable Memory allocate(long bytes) {
    Arena arena = Arena.ofShared();
    try {
      // At least one byte: blocks alive at the same time differ in address.
      MemorySegment block = arena.allocate(Math.max(1, bytes), ALIGNMENT);
      arenas.put(block.address(), arena);
      return new Memory(block.address(), bytes, block.asSlice(0, bytes));
    } catch (OutOfMemoryError e) {
      arena.close();
      return null;
    }
  }

  @Override
  public void free(Memory memory) {
    Objects.requireNonNull(arenas.remove(memory.address()), "not allocated here").close();
  }

  /** By default what the JVM lets off-heap allocations have: as much as the heap may grow to. */
  @Override
  public long memoryBudget() {
    return MemoryLimit.configured(Runtime.getRuntime()::maxMemory);
  }

  @Override
  public void download(View contiguous, MemorySegment target) {
    target.copyFrom(bytes(contiguous));
  }

  @Override
  public void upload(MemorySegment source, View contiguous) {
    MemorySegment target = bytes(contiguous);
    target.copyFrom(source.asSlice(0, target.byteSize()));
  }

  private static MemorySegment bytes(View contiguous) {
    long size = contiguous.dtype().bytes();
    return contiguous
        .memory()
        .segment()
        .asSlice(contiguous.layout().offset() * size, contiguous.numel() * size);
  }

  @Override
  public Replay compile(List<KernelCall> calls) {
    return new CallList(List.copyOf(calls));
  }

  private record CallList(List<KernelCall> calls) implements Replay {
    @Override
    public void run() {
      calls.forEach(KernelCall::run);
    }

    @Override
    public void close() {}
  }
}
