package dev.adjoint.tck;

import dev.adjoint.DType;
import dev.adjoint.Shape;
import dev.adjoint.spi.Backend;
import dev.adjoint.spi.Kernel;
import dev.adjoint.spi.KernelCall;
import dev.adjoint.spi.Layout;
import dev.adjoint.spi.Memory;
import dev.adjoint.spi.Replay;
import dev.adjoint.spi.View;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Device memory on which one kernel after another is set up and run: one block with all operands,
 * each followed by a guard zone, and the scratch of the last call. Used by one thread.
 */
public final class Stage implements AutoCloseable {
  private static final long ALIGNMENT = 64;
  private static final byte POISON = (byte) 0xFF;

  private final Backend backend;
  private @Nullable Memory block;
  private final List<Memory> scratch = new ArrayList<>();
  private final List<View> views = new ArrayList<>();

  /** A stage on a backend, empty at first. */
  public Stage(Backend backend) {
    this.backend = backend;
  }

  /** The backend. */
  public Backend backend() {
    return backend;
  }

  /** Lays the operands out anew, each with its initial bytes. */
  void load(List<Operand> operands) {
    long[] starts = new long[operands.size() + 1];
    for (int k = 0; k < operands.size(); k++) {
      long bytes = operands.get(k).image().byteSize();
      starts[k + 1] = starts[k] + (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }
    block = grown(block, starts[operands.size()]);
    Memory memory = block;
    views.clear();
    for (int k = 0; k < operands.size(); k++) {
      Operand operand = operands.get(k);
      Memory part = part(memory, starts[k], operand.image().byteSize());
      upload(operand.image(), part);
      views.add(new View(part, operand.layout(), operand.dtype()));
    }
  }

  /** The view of an operand, by its place in the case's list. */
  public View view(int operand) {
    return views.get(operand);
  }

  /** Several operands' views: {@code from} to before {@code to}. */
  public List<View> views(int from, int to) {
    return List.copyOf(views.subList(from, to));
  }

  /** A kernel as a call on this stage's backend, with scratch of this stage. */
  public KernelCall call(Kernel kernel) {
    scratch.forEach(backend::free);
    scratch.clear();
    return backend.call(kernel, this::scratch);
  }

  /** Poisoned, of exactly this size, with a guard zone behind. */
  private Memory scratch(long bytes) {
    Memory memory = Objects.requireNonNull(backend.allocate(bytes + ALIGNMENT), "out of memory");
    scratch.add(memory);
    upload(poison(memory.bytes()), memory);
    return part(memory, 0, bytes);
  }

  /** Whether nothing wrote behind the scratch of the last call. */
  boolean scratchIntact() {
    return scratch.stream()
        .map(memory -> part(memory, memory.bytes() - ALIGNMENT, ALIGNMENT))
        .allMatch(guard -> download(guard).mismatch(poison(ALIGNMENT)) < 0);
  }

  /** The bytes of an operand's whole block now. */
  MemorySegment image(int operand) {
    return download(views.get(operand).memory());
  }

  /** Runs a call to its end. */
  void run(KernelCall call) {
    call.run();
    backend.synchronize();
  }

  /** Runs calls as one recorded unit, to its end. */
  void replay(List<KernelCall> calls) {
    try (Replay replay = backend.compile(calls)) {
      replay.run();
      backend.synchronize();
    }
  }

  private Memory grown(@Nullable Memory old, long bytes) {
    if (old != null && old.bytes() >= bytes) {
      return old;
    }
    if (old != null) {
      backend.free(old);
    }
    return Objects.requireNonNull(backend.allocate(2 * bytes + ALIGNMENT), "out of memory");
  }

  private static Memory part(Memory whole, long start, long bytes) {
    MemorySegment segment =
        whole.onHost() ? whole.segment().asSlice(start, bytes) : MemorySegment.NULL;
    return new Memory(whole.address() + start, bytes, segment);
  }

  private static MemorySegment poison(long bytes) {
    return MemorySegment.ofArray(new byte[Math.toIntExact(bytes)]).fill(POISON);
  }

  private static View bytesOf(Memory memory) {
    return new View(memory, Layout.contiguous(Shape.of(memory.bytes())), DType.BOOL);
  }

  private void upload(MemorySegment bytes, Memory target) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocate(bytes.byteSize(), ALIGNMENT).copyFrom(bytes);
      backend.upload(host, bytesOf(target));
    }
  }

  private MemorySegment download(Memory source) {
    MemorySegment bytes = MemorySegment.ofArray(new byte[Math.toIntExact(source.bytes())]);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment host = arena.allocate(source.bytes(), ALIGNMENT);
      backend.download(bytesOf(source), host);
      return bytes.copyFrom(host);
    }
  }

  @Override
  public void close() {
    if (block != null) {
      backend.free(block);
    }
    scratch.forEach(backend::free);
  }
}
