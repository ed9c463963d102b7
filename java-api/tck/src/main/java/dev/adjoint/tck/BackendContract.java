package dev.adjoint.tck;

import dev.adjoint.spi.ElementwiseKernels;
import dev.adjoint.spi.IndexKernels;
import dev.adjoint.spi.Kernel;
import dev.adjoint.spi.Gemm;
import dev.adjoint.spi.ElementwiseKernels.Unary;
import dev.adjoint.spi.AttentionKernels.Attention;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.DType;
import dev.adjoint.Shape;
import dev.adjoint.reference.ReferenceBackend;
import dev.adjoint.spi.Backend;
import dev.adjoint.spi.BinaryFunction;
import dev.adjoint.spi.KernelCall;
import dev.adjoint.spi.KernelStatusException;
import dev.adjoint.spi.Layout;
import dev.adjoint.spi.Memory;
import dev.adjoint.spi.View;
import java.lang.System.Logger.Level;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * What every backend must do, kernel by kernel: equal the reference backend within the catalog's
 * tolerances, over types, layouts, sizes and special values; write nothing but its outputs; give
 * the same bits in a recorded unit. A test class extends this and names the backend.
 */
public abstract class BackendContract {
  private static final System.Logger LOG = System.getLogger(BackendContract.class.getName());
  private static final int REPORTED_FAILURES = 5;

  private final List<Backend> backends;
  private final int every;
  private final AtomicLong cases = new AtomicLong();

  /**
   * Checks one in {@code every} cases of each kernel.
   *
   * @param backends open ones that take the same types: the reference's results serve all of them
   */
  protected BackendContract(List<Backend> backends, int every) {
    this.backends = backends;
    this.every = every;
  }

  /** The sweeps over all kernels of the seam, for the floating types that the backends compute. */
  private List<KernelGroup> groups() {
    List<DType> floating = floating(Unary.class);
    return Stream.of(
            ElementwiseCases.groups(floating),
            ReductionCases.groups(floating),
            GemmCases.groups(floating(Gemm.class)),
            NormCases.groups(floating),
            LossCases.groups(floating),
            AttentionCases.groups(floating(Attention.class)),
            IndexCases.groups(),
            RandomCases.groups(floating),
            OptimizerCases.groups())
        .flatMap(List::stream)
        .toList();
  }

  private List<DType> floating(Class<? extends Kernel> kind) {
    Backend backend = backends.getFirst();
    return Stream.of(DType.values())
        .filter(dtype -> dtype.isFloating() && backend.has(kind, dtype))
        .toList();
  }

  /** Side by side: each group has memory of its own, and most of the time is the reference's. */
  @TestFactory
  @Execution(ExecutionMode.CONCURRENT)
  Stream<DynamicTest> kernelsEqualTheReference() {
    return groups().stream()
        .map(
            group ->
                DynamicTest.dynamicTest(group.name(), () -> cases.addAndGet(checkGroup(group))));
  }

  /** After those that run side by side, too. */
  @AfterEach
  void tellHowMany() {
    if (cases.get() > 0) {
      for (Backend backend : backends) {
        LOG.log(Level.INFO, "{0}: {1} cases", backend.description(), cases.get());
      }
    }
  }

  /** How many cases were checked. */
  private long checkGroup(KernelGroup group) {
    List<AssertionError> failures = new ArrayList<>();
    AtomicLong made = new AtomicLong();
    AtomicLong checked = new AtomicLong();
    List<Stage> stages = new ArrayList<>();
    try (Stage reference = new Stage(new ReferenceBackend())) {
      backends.forEach(backend -> stages.add(new Stage(backend)));
      Consumer<KernelCase> check =
          kernelCase -> {
            if (made.getAndIncrement() % every != 0) {
              return;
            }
            checked.incrementAndGet();
            try {
              kernelCase.check(stages, reference);
            } catch (AssertionError e) {
              failures.add(e);
            }
          };
      group.sweep().forEach(check);
    } finally {
      stages.forEach(Stage::close);
    }
    if (!failures.isEmpty()) {
      String first = failures.getFirst().getMessage();
      AssertionError summary =
          new AssertionError(failures.size() + " of " + checked + " cases fail; first: " + first);
      failures.stream().limit(REPORTED_FAILURES).forEach(summary::addSuppressed);
      throw summary;
    }
    return checked.get();
  }

  private Stream<DynamicTest> onEach(Consumer<Backend> check) {
    return backends.stream()
        .map(
            backend -> DynamicTest.dynamicTest(backend.description(), () -> check.accept(backend)));
  }

  @TestFactory
  Stream<DynamicTest> indicesOutOfRangeAreRefused() {
    return onEach(IndexErrors::check);
  }

  /** An asynchronous backend has enqueued what follows the failure, so that it runs. */
  @TestFactory
  Stream<DynamicTest> recordedUnitsRunInOrderAndStopAtTheFirstFailure() {
    return onEach(BackendContract::checkRecordedUnits);
  }

  private static void checkRecordedUnits(Backend backend) {
    Operand numbers = Operand.updated(DType.F32, Placement.DENSE.of(Shape.of(1, 3)), i -> i);
    Operand indices = Operand.indices(0, 7);
    Operand rows = Operand.output(DType.F32, Placement.DENSE.of(Shape.of(2, 3)));
    try (Stage stage = new Stage(backend)) {
      stage.load(List.of(numbers, indices, rows));
      View x = stage.view(0);
      KernelCall increment =
          stage.call(new ElementwiseKernels.BinaryScalar(BinaryFunction.ADD, x, x, 1, false));
      KernelCall twice =
          stage.call(new ElementwiseKernels.BinaryScalar(BinaryFunction.MUL, x, x, 2, false));
      KernelCall refused = stage.call(new IndexKernels.Gather(x, stage.view(1), stage.view(2)));
      stage.replay(List.of(increment, twice, increment));
      assertEquals(List.of(3.0, 5.0, 7.0), elements(numbers, stage));
      Exception failure =
          assertThrows(
              KernelStatusException.class, () -> stage.replay(List.of(twice, refused, increment)));
      assertTrue(Objects.requireNonNull(failure.getMessage()).contains(refused.kernel()));
      assertEquals(
          backend.isAsynchronous() ? List.of(7.0, 11.0, 15.0) : List.of(6.0, 10.0, 14.0),
          elements(numbers, stage));
    }
  }

  private static List<Double> elements(Operand operand, Stage stage) {
    MemorySegment image = stage.image(0);
    return LongStream.range(0, operand.layout().numel())
        .mapToObj(i -> operand.get(image, i))
        .toList();
  }

  @TestFactory
  Stream<DynamicTest> memoryIsAlignedDistinctAndKeepsWhatIsUploaded() {
    return onEach(BackendContract::checkMemory);
  }

  private static void checkMemory(Backend backend) {
    List<Memory> blocks = new ArrayList<>();
    for (long bytes : new long[] {0, 1, 63, 64, 4096, 5 << 20}) {
      Memory memory = Objects.requireNonNull(backend.allocate(bytes));
      assertEquals(0, memory.address() % 64);
      assertEquals(bytes, memory.bytes());
      blocks.forEach(other -> assertNotEquals(other.address(), memory.address()));
      blocks.add(memory);
    }
    try (Arena arena = Arena.ofConfined()) {
      for (Memory memory : blocks) {
        MemorySegment bytes = arena.allocate(memory.bytes()).fill((byte) memory.bytes());
        backend.upload(bytes, bytesOf(memory));
      }
      for (Memory memory : blocks) {
        MemorySegment bytes = arena.allocate(memory.bytes());
        backend.download(bytesOf(memory), bytes);
        MemorySegment expected = arena.allocate(memory.bytes()).fill((byte) memory.bytes());
        assertEquals(-1, bytes.mismatch(expected));
        backend.free(memory);
      }
    }
  }

  private static View bytesOf(Memory memory) {
    return new View(memory, Layout.contiguous(Shape.of(memory.bytes())), DType.BOOL);
  }

  @TestFactory
  Stream<DynamicTest> uploadsAndDownloadsReachTheOffsetOfAView() {
    return onEach(BackendContract::checkOffsets);
  }

  private static void checkOffsets(Backend backend) {
    Memory memory = Objects.requireNonNull(backend.allocate(64));
    View all = new View(memory, Layout.contiguous(Shape.of(16)), DType.F32);
    View part = all.with(all.layout().slice(0, 5, 8, 1));
    Calls.of(backend, new ElementwiseKernels.Fill(all, 9)).run();
    backend.upload(MemorySegment.ofArray(new float[] {1, 2, 3}), part);
    float[] found = new float[16];
    backend.download(all, MemorySegment.ofArray(found));
    for (int i = 0; i < found.length; i++) {
      assertEquals(i < 5 || i > 7 ? 9 : i - 4, found[i]);
    }
    float[] three = new float[3];
    backend.download(part, MemorySegment.ofArray(three));
    assertEquals(2, MemorySegment.ofArray(three).getAtIndex(ValueLayout.JAVA_FLOAT, 1));
    backend.free(memory);
  }

  /** Kernels of many callers at once give each the result that it would have alone. */
  @Test
  void callsFromManyThreadsDoNotDisturbEachOther() throws Exception {
    List<KernelGroup> some =
        groups().stream()
            .filter(group -> group.name().matches("(gelu|add|softmax|reduce_sum|normal)_f32"))
            .toList();
    try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
      List<Future<?>> running = new ArrayList<>();
      for (KernelGroup group : some) {
        running.add(threads.submit(() -> checkGroup(group)));
      }
      for (Future<?> one : running) {
        one.get();
      }
    }
  }
}
