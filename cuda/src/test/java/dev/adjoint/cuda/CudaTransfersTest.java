package dev.adjoint.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.DType;
import dev.adjoint.Device;
import dev.adjoint.DeviceMismatchException;
import dev.adjoint.Scope;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.spi.Backend;
import dev.adjoint.spi.KernelStatusException;
import dev.adjoint.spi.Layout;
import dev.adjoint.spi.Memory;
import dev.adjoint.spi.View;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Between Java's memory, other devices and a GPU. */
@Tag("device")
class CudaTransfersTest {
  private static final Device CUDA = new Device("cuda", "0");
  private static final int SLOT = 4 << 20;

  private final Scope scope = Scope.open();

  @AfterEach
  void close() {
    scope.close();
  }

  private static float[] numbers(int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = i * 0.5f;
    }
    return values;
  }

  @Test
  void theFirstDeviceHasOneName() {
    assertEquals(CUDA, Device.cuda());
    assertEquals(CUDA, Device.of("cuda"));
    assertEquals(CUDA, Device.best());
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 17, SLOT / 4, SLOT / 4 + 1, 3 * SLOT / 4, 6 * SLOT / 4 + 5})
  void copiesOfAnySizeArriveWhole(int count) {
    Backend backend = new CudaProvider().open(CUDA);
    Memory memory = Objects.requireNonNull(backend.allocate(4L * count));
    View view = new View(memory, Layout.contiguous(Shape.of(count)), DType.F32);
    float[] source = numbers(count);
    MemorySegment segment = MemorySegment.ofArray(source);
    backend.upload(segment, view);
    segment.fill((byte) 0); // it has been taken over
    float[] target = new float[count];
    backend.download(view, MemorySegment.ofArray(target));
    assertArrayEquals(numbers(count), target);
    backend.free(memory);
  }

  @Test
  void manySmallCopiesDoNotOverwriteOneAnother() {
    Backend backend = new CudaProvider().open(CUDA);
    int count = 1000;
    int size = 20_000; // several rounds through the staging memory
    Memory memory = Objects.requireNonNull(backend.allocate((long) count * size));
    View all = new View(memory, Layout.contiguous(Shape.of(count, size)), DType.BOOL);
    byte[] source = new byte[size];
    for (int i = 0; i < count; i++) {
      Arrays.fill(source, (byte) i);
      backend.upload(MemorySegment.ofArray(source), all.with(all.layout().select(0, i)));
    }
    byte[] target = new byte[count * size];
    backend.download(all, MemorySegment.ofArray(target));
    for (int i = 0; i < target.length; i++) {
      assertEquals((byte) (i / size), target[i]);
    }
    backend.free(memory);
  }

  @Test
  void tensorsMoveBothWaysAndKeepTheirLayoutsMeaning() {
    Tensor host = Tensor.of(numbers(6), Shape.of(2, 3), Device.REFERENCE).t();
    Tensor there = host.to(CUDA);
    assertEquals(CUDA, there.device());
    assertArrayEquals(host.toDoubleArray(), there.toDoubleArray());
    Tensor back = there.slice(0, 1, 3).t().to(Device.REFERENCE);
    assertArrayEquals(host.slice(0, 1, 3).t().toDoubleArray(), back.toDoubleArray());
    Tensor numbers = Tensor.arange(5, DType.I64, CUDA).to(Device.REFERENCE);
    assertArrayEquals(new long[] {0, 1, 2, 3, 4}, numbers.toLongArray());
  }

  @Test
  void devicesDoNotMix() {
    Tensor here = Tensor.full(Shape.of(2), 1, DType.F32, Device.REFERENCE);
    Tensor there = Tensor.full(Shape.of(2), 1, DType.F32, CUDA);
    DeviceMismatchException e = assertThrows(DeviceMismatchException.class, () -> here.add(there));
    String message = String.valueOf(e.getMessage());
    assertTrue(message.contains("reference") && message.contains("cuda:0"), message);
  }

  @Test
  void anIndexOutOfRangeIsToldWhenAValueIsRead() {
    Tensor table = Tensor.arange(6, DType.F32, CUDA).reshape(3, 2);
    Tensor rows = table.embedding(Tensor.of(new long[] {0, 7, 2}, Shape.of(3), CUDA));
    KernelStatusException e = assertThrows(KernelStatusException.class, rows::toFloatArray);
    assertEquals("gather: an index is out of range", e.getMessage());
    assertEquals(5, rows.get(2, 1), "the others are there");
  }

  @Test
  void virtualThreadsShareTheDevice() throws Exception {
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Double>> sums = new ArrayList<>();
      for (int i = 0; i < 40; i++) {
        int value = i;
        sums.add(
            threads.submit(
                () -> {
                  try (var _ = Scope.open()) {
                    Tensor x = Tensor.full(Shape.of(1000), value, DType.F32, CUDA);
                    return x.mul(2).sum().item();
                  }
                }));
      }
      for (int i = 0; i < sums.size(); i++) {
        assertEquals(2000.0 * i, sums.get(i).get());
      }
    }
  }
}
