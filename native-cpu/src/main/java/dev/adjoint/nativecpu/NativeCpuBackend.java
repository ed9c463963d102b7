package dev.adjoint.nativecpu;

import dev.adjoint.DType;
import dev.adjoint.TensorException;
import dev.adjoint.spi.Backend;
import dev.adjoint.spi.Kernel;
import dev.adjoint.spi.KernelCall;
import dev.adjoint.spi.Memory;
import dev.adjoint.spi.Replay;
import dev.adjoint.spi.Scratch;
import dev.adjoint.spi.Symbol;
import dev.adjoint.spi.Symbols;
import dev.adjoint.spi.View;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The C kernels of one variant. */
final class NativeCpuBackend implements Backend {
  /**
   * A call is brief if it visits no more elements than this: the slowest kernels (pow, sin) take
   * some 40 ns for one. Above it the crossing does not matter any more.
   */
  private static final long BRIEF_ELEMENTS = 256;

  private final NativeRuntime runtime;
  private final KernelLibrary kernels;

  NativeCpuBackend(NativeRuntime runtime, KernelLibrary kernels) {
    this.runtime = runtime;
    this.kernels = kernels;
  }

  @Override
  public boolean has(Class<? extends Kernel> kind, DType floating) {
    return Symbols.FLOATING.contains(floating);
  }

  @Override
  public KernelCall call(Kernel kernel, Scratch scratch) {
    long[] words = kernel.words();
    Symbol symbol = kernel.symbol();
    Symbol query = symbol.scratchBytes();
    if (query != null) {
      long bytes = Downcalls.query(kernels.of(query).function(), words);
      if (bytes > 0) {
        words[symbol.scratchWord()] = scratch.take(bytes).address();
      }
    }
    return new NativeCall(kernels.of(symbol), words, kernel.elements() <= BRIEF_ELEMENTS);
  }

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
  public Object memoryOwner() {
    return runtime.memory();
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
