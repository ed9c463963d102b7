package dev.adjoint.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.adjoint.Adjoint;
import dev.adjoint.DType;
import dev.adjoint.Device;
import dev.adjoint.Precision;
import dev.adjoint.Scope;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.autograd.Function;
import dev.adjoint.spi.Backend;
import dev.adjoint.spi.Gemm;
import dev.adjoint.spi.Layout;
import dev.adjoint.spi.Memory;
import dev.adjoint.spi.View;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How factors reach cuBLAS. */
@Tag("device")
class CudaProductsTest {
  private static final Device CUDA = new Device("cuda", "0");

  /** Hands on what it gets, and notes whether the gradient's rows follow one another. */
  private static final class Watch extends Function {
    final List<Boolean> dense = new ArrayList<>();

    @Override
    protected Result forward(List<Tensor> inputs) {
      return new Result(inputs.getFirst().copy(), List.of());
    }

    @Override
    protected List<@Nullable Tensor> backward(Tensor grad, List<Tensor> saved) {
      dense.add(grad.isContiguous());
      return List.of(grad);
    }
  }

  /** A large matrix whose rows follow one another is one that needs no gaps. */
  @ParameterizedTest
  @ValueSource(ints = {4096, 4099})
  void rowsOfLogitsAndTheirGradientBeginWhereProductsLoadThemWhole(int classes) {
    long before = Adjoint.memory(CUDA).liveBytes();
    Watch watch = new Watch();
    Map<Device, float[]> grads = new HashMap<>();
    for (Device device : List.of(Device.REFERENCE, CUDA)) {
      Scope.run(
          () -> {
            Tensor x = Tensor.arange(48, DType.F32, device).mul(0.02).reshape(16, 3);
            Tensor weight = Tensor.arange(3L * classes, DType.F32, device).mul(1e-4);
            Tensor own = weight.reshape(classes, 3).to(DType.BF16).detach().requiresGrad_(true);
            Tensor logits = x.to(DType.BF16).linear(own, null);
            watch.dense.add(logits.isContiguous());
            long[] targets = LongStream.range(0, 16).map(i -> i * 255).toArray();
            watch.apply(logits).crossEntropy(Tensor.of(targets, Shape.of(16), device)).backward();
            grads.put(device, Objects.requireNonNull(own.grad()).to(DType.F32).toFloatArray());
          });
    }
    boolean dense = classes % 8 == 0;
    assertEquals(List.of(true, true, dense, dense), watch.dense);
    assertArrayEquals(grads.get(Device.REFERENCE), grads.get(CUDA), 4e-3f);
    assertEquals(before, Adjoint.memory(CUDA).liveBytes());
  }

  private static View view(DType dtype, long... strides) {
    Layout layout = Layout.of(Shape.of(13, 13), strides, 0);
    return new View(new Memory(1 << 20, 1 << 20, MemorySegment.NULL), layout, dtype);
  }

  private static long scratch(DType dtype, Precision precision, long... strides) {
    Backend backend = new CudaProvider().open(CUDA);
    View dense = view(dtype, 13, 1);
    AtomicLong taken = new AtomicLong();
    backend.call(
        new Gemm(view(dtype, strides), dense, dense, null, 1, 0, precision),
        bytes -> {
          taken.addAndGet(bytes);
          return new Memory(1 << 20, bytes, MemorySegment.NULL);
        });
    return taken.get();
  }

  @Test
  void factorsAreCopiedOnlyWhereTheyMustBe() {
    for (DType dtype : List.of(DType.F32, DType.F64, DType.F16)) {
      assertEquals(0, scratch(dtype, Precision.F32, 16, 1));
      assertEquals(0, scratch(dtype, Precision.F32, 1, 16));
    }
    assertEquals(0, scratch(DType.BF16, Precision.BF16, 16, 1));
    // Neither rows nor columns are dense: 13 rows of 16 elements.
    assertEquals(13 * 16 * 4, scratch(DType.F32, Precision.F32, 32, 2));
    assertEquals(13 * 16 * 2, scratch(DType.F16, Precision.F32, 32, 2));
    // Both factors are rounded.
    assertEquals(2 * 13 * 16 * 2, scratch(DType.F32, Precision.BF16, 16, 1));
  }
}
