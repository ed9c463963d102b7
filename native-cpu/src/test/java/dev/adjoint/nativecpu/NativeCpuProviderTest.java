package dev.adjoint.nativecpu;

import dev.adjoint.tck.Calls;
import dev.adjoint.spi.ElementwiseKernels;
import dev.adjoint.spi.IndexKernels;
import dev.adjoint.spi.ReductionKernels;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.DType;
import dev.adjoint.Device;
import dev.adjoint.Shape;
import dev.adjoint.TensorException;
import dev.adjoint.spi.Backend;
import dev.adjoint.spi.BackendProvider;
import dev.adjoint.spi.BinaryFunction;
import dev.adjoint.spi.KernelCall;
import dev.adjoint.spi.KernelStatusException;
import dev.adjoint.spi.Layout;
import dev.adjoint.spi.Memory;
import dev.adjoint.spi.Replay;
import dev.adjoint.spi.View;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The backend as the API sees it, on every variant that this machine can run. */
class NativeCpuProviderTest {
  private static final String VARIANT = "adjoint.cpu.variant";

  private final NativeCpuProvider provider = new NativeCpuProvider();
  private final List<Runnable> cleanup = new ArrayList<>();

  @AfterEach
  void giveBackMemory() {
    cleanup.forEach(Runnable::run);
  }

  private View floats(Backend backend, float... values) {
    View view = empty(backend, DType.F32, values.length);
    backend.upload(MemorySegment.ofArray(values), view);
    return view;
  }

  private View longs(Backend backend, long... values) {
    View view = empty(backend, DType.I64, values.length);
    backend.upload(MemorySegment.ofArray(values), view);
    return view;
  }

  private View empty(Backend backend, DType dtype, long... sizes) {
    Layout layout = Layout.contiguous(Shape.of(sizes));
    Memory memory = backend.allocate(layout.numel() * dtype.bytes());
    assertNotNull(memory);
    cleanup.add(() -> backend.free(memory));
    return new View(memory, layout, dtype);
  }

  private static float[] read(Backend backend, View view) {
    float[] values = new float[(int) view.numel()];
    backend.download(view, MemorySegment.ofArray(values));
    return values;
  }

  @Test
  void isFoundAsAService() {
    assertTrue(
        ServiceLoader.load(BackendProvider.class).stream()
            .anyMatch(p -> p.type().equals(NativeCpuProvider.class)));
    assertEquals("cpu", provider.type());
  }

  @Test
  void theDefaultDeviceComesFirst() {
    List<Device> devices = provider.devices();
    assertEquals(Device.CPU, devices.getFirst());
    Backend best = provider.open(Device.CPU);
    Backend named = provider.open(devices.get(1));
    assertEquals(named.description(), best.description());
  }

  @Test
  void reportNamesWhatWasFoundAndWhy() {
    String report = String.join("\n", provider.report());
    assertTrue(report.contains("libadjoint_base.so"), report);
    assertTrue(report.contains("threads: "), report);
    assertTrue(report.contains("huge pages: "), report);
    assertTrue(report.contains("memory budget: "), report);
    for (Variant variant : new NativeRuntime(LibrarySource.configured()).variants()) {
      assertTrue(report.contains(variant.name()), report);
      assertTrue(variant.lacks() == null || report.contains(variant.lacks()), report);
    }
  }

  @Test
  void reportOfAMachineWithoutNativeCode() {
    NativeCpuProvider broken =
        new NativeCpuProvider(
            () -> {
              throw NativeLibrary.unusable("there is nothing");
            });
    assertEquals(List.of(), broken.devices());
    assertEquals(
        List.of("cpu: there is nothing; -Dadjoint.device=reference runs without native code"),
        broken.report());
  }

  @Test
  void propertyChoosesTheVariant() {
    Device least = provider.devices().getLast();
    System.setProperty(VARIANT, least.detail());
    try {
      assertEquals(provider.open(least).description(), provider.open(Device.CPU).description());
      System.setProperty(VARIANT, "z80");
      TensorException e = assertThrows(TensorException.class, () -> provider.open(Device.CPU));
      String message = requireNonNull(e.getMessage());
      assertTrue(message.startsWith("settings: -Dadjoint.cpu.variant=z80; it must be "), message);
      assertTrue(message.contains(least.detail()), message);
      assertTrue(String.join("\n", provider.report()).contains("z80"));
    } finally {
      System.clearProperty(VARIANT);
    }
  }

  @Test
  void allVariantsWorkInOneProcess() {
    List<Backend> backends = provider.devices().stream().map(provider::open).toList();
    for (Backend backend : backends) {
      View out = empty(backend, DType.F32, 3);
      KernelCall call =
          Calls.of(
              backend,
              new ElementwiseKernels.Binary(
                  BinaryFunction.ADD, floats(backend, 1, 2, 3), floats(backend, 10, 20, 30), out));
      assertEquals("add_f32", call.kernel());
      call.run();
      assertArrayEquals(new float[] {11, 22, 33}, read(backend, out));
    }
  }

  @Test
  void briefAndLongCallsGiveTheSame() {
    Backend backend = provider.open(Device.CPU);
    for (int n : new int[] {0, 1, 255, 256, 257, 1000}) {
      View x = empty(backend, DType.F32, n);
      View out = empty(backend, DType.F32, n);
      Calls.of(backend, new ElementwiseKernels.Fill(x, 2)).run();
      Calls.of(backend, new ElementwiseKernels.BinaryScalar(BinaryFunction.SUB, x, out, 5, true))
          .run();
      for (float value : read(backend, out)) {
        assertEquals(3, value);
      }
    }
  }

  @Test
  void statusNamesTheKernel() {
    Backend backend = provider.open(Device.CPU);
    View table = empty(backend, DType.F32, 4, 2);
    View out = empty(backend, DType.F32, 1, 2);
    KernelCall call = Calls.of(backend, new IndexKernels.Gather(table, longs(backend, 4), out));
    KernelStatusException e = assertThrows(KernelStatusException.class, call::run);
    String message = requireNonNull(e.getMessage());
    assertEquals(KernelStatusException.INDEX_OUT_OF_RANGE, e.status());
    assertTrue(message.startsWith("gather: "), message);
  }

  @Test
  void replayRunsTheListAndNamesWhatFailed() {
    Backend backend = provider.open(Device.CPU);
    View x = floats(backend, 1, 2);
    View index = longs(backend, 0);
    View row = empty(backend, DType.F32, 1, 2);
    View table = x.with(Layout.contiguous(Shape.of(1, 2)));
    List<KernelCall> calls =
        List.of(
            Calls.of(
                backend, new ElementwiseKernels.BinaryScalar(BinaryFunction.MUL, x, x, 2, false)),
            Calls.of(backend, new IndexKernels.Gather(table, index, row)),
            Calls.of(
                backend, new ElementwiseKernels.BinaryScalar(BinaryFunction.ADD, x, x, 1, false)));
    try (Replay replay = backend.compile(calls)) {
      replay.run();
      assertArrayEquals(new float[] {3, 5}, read(backend, x));
      assertArrayEquals(new float[] {2, 4}, read(backend, row));
      Calls.of(backend, new ElementwiseKernels.Fill(index, -1)).run();
      KernelStatusException e = assertThrows(KernelStatusException.class, replay::run);
      String message = requireNonNull(e.getMessage());
      assertTrue(message.startsWith("gather: "), message);
      assertArrayEquals(new float[] {6, 10}, read(backend, x), "calls after it did not run");
    }
    try (Replay nothing = backend.compile(List.of())) {
      nothing.run();
    }
  }

  @Test
  void closedReplayDoesNotRun() {
    Replay replay = provider.open(Device.CPU).compile(List.of());
    replay.close();
    replay.close();
    assertThrows(TensorException.class, replay::run);
  }

  @Test
  void replayRefusesCallsOfOthers() {
    KernelCall foreign =
        new KernelCall() {
          @Override
          public String kernel() {
            return "foreign";
          }

          @Override
          public void run() {}
        };
    Backend backend = provider.open(Device.CPU);
    assertThrows(TensorException.class, () -> backend.compile(List.of(foreign)));
  }

  @Test
  void longArgumentBlocksGrow() {
    Backend backend = provider.open(Device.CPU);
    View one = empty(backend, DType.F32, 1000);
    Calls.of(backend, new ElementwiseKernels.Fill(one, 1)).run();
    List<View> many = new ArrayList<>();
    for (int i = 0; i < 500; i++) {
      many.add(one);
    }
    View sum = empty(backend, DType.F64, 1);
    Calls.of(backend, new ReductionKernels.SumSquares(sum, many)).run();
    assertEquals(500_000, sum.memory().segment().get(JAVA_DOUBLE, 0));
  }

  @Test
  void oneCallFromManyThreads() throws Exception {
    Backend backend = provider.open(Device.CPU);
    View x = empty(backend, DType.F32, 5000);
    View y = empty(backend, DType.F32, 5000);
    Calls.of(backend, new ElementwiseKernels.Fill(x, 3)).run();
    KernelCall call = Calls.of(backend, new ElementwiseKernels.Copy(x, y));
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> runs = new ArrayList<>();
      for (int i = 0; i < 200; i++) {
        runs.add(threads.submit(call::run));
      }
      for (Future<?> run : runs) {
        run.get();
      }
    }
    for (float value : read(backend, y)) {
      assertEquals(3, value);
    }
  }

  @Test
  void memoryIsAlignedAndReadable() {
    Backend backend = provider.open(Device.CPU);
    for (long bytes : new long[] {0, 1, 100, 5 << 20}) {
      Memory memory = backend.allocate(bytes);
      assertNotNull(memory);
      assertEquals(0, memory.address() % 64);
      assertEquals(bytes, memory.segment().byteSize());
      assertTrue(memory.onHost());
      memory.segment().fill((byte) 1);
      backend.free(memory);
    }
    assertNull(backend.allocate(Long.MAX_VALUE / 2), "more than there is");
  }
}
