package dev.adjoint.reference;

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
public final class ReferenceBackend
    implements Backend,
        ReferenceElementwise,
        ReferenceReductions,
        ReferenceGemm,
        ReferenceNorms,
        ReferenceLosses,
        ReferenceAttention,
        ReferenceIndexing,
        ReferenceRandom,
        ReferenceOptimizers {
  private static final long ALIGNMENT = 64;

  private final Map<Long, Arena> arenas = new ConcurrentHashMap<>();

  @Override
  public String description() {
    return "reference (plain Java, one thread)";
  }

  /** BF16 too; F16 is only a type of memory, but for products and attention. */
  @Override
  public boolean computes(DType floating) {
    return floating.isFloating() && floating != DType.F16;
  }

  @Override
  public boolean multiplies(DType floating) {
    return floating.isFloating();
  }

  @Override
  public boolean attends(DType floating) {
    return floating.isFloating();
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
