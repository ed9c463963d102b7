package dev.adjoint.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.adjoint.DType;
import dev.adjoint.Device;
import dev.adjoint.Scope;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.ops.OptimizerSteps;
import dev.adjoint.spi.Layout;
import dev.adjoint.spi.Memory;
import dev.adjoint.spi.View;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Lists of more tensors than one launch takes with the longest parameters, some of several chunks,
 * as the reference does.
 */
@Tag("device")
class CudaTensorListsTest {
  /** More than fit: two words for each. */
  private static final int ADDRESSES = 2100;

  /** More than fit: four or five words for each. */
  private static final int STATES = 1030;

  private static final Device CUDA = new Device("cuda", "0");
  private static final OptimizerSteps.AdamW ADAMW = new OptimizerSteps.AdamW(0.9, 0.99, 1e-8, 0.1);

  private static List<Tensor> tensors(Device device, int count, int seed) {
    List<Tensor> tensors = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      float[] values = new float[i % 697 == 5 ? 2 * (int) TensorLists.CHUNK + 3 : i % 7];
      for (int k = 0; k < values.length; k++) {
        values[k] = (float) Math.sin(seed + i + 0.37 * k);
      }
      tensors.add(Tensor.of(values, Shape.of(values.length), device));
    }
    return tensors;
  }

  private static double[] values(List<Tensor> tensors) {
    return tensors.stream().flatMapToDouble(x -> Arrays.stream(x.toDoubleArray())).toArray();
  }

  /** What both devices make of the same work. */
  private static void compare(Function<Device, List<Tensor>> work, double tolerance) {
    try (var _ = Scope.open()) {
      double[] expected = values(work.apply(Device.REFERENCE));
      double[] found = values(work.apply(CUDA));
      assertArrayEquals(expected, found, tolerance);
    }
  }

  @Test
  void aLaunchHasABlockForEachChunkOfTheTensorsThatItTakes() {
    CudaKernel kernel = new CudaKernel("scale_f32", 0, Driver.PARAMETER_BYTES / Long.BYTES, 1);
    Memory memory = new Memory(0, 0, MemorySegment.NULL);
    Layout layout = Layout.contiguous(Shape.of(TensorLists.CHUNK + 1));
    List<View> views = Collections.nCopies(300, new View(memory, layout, DType.F32));
    List<Launch> launches =
        TensorLists.launches(
            kernel, views, 2, 2, (from, to, before) -> new long[] {from, to, before});
    assertEquals(List.of(510, 90), launches.stream().map(Launch::gridX).toList());
    assertArrayEquals(new long[] {0, 255, 0}, launches.get(0).words());
    assertArrayEquals(new long[] {255, 300, 510}, launches.get(1).words());
  }

  @Test
  void squaresAreSummed() {
    compare(device -> List.of(OptimizerSteps.norm(tensors(device, ADDRESSES, 1))), 1e-9);
  }

  @Test
  void factorsReachEveryTensor() {
    compare(
        device -> {
          List<Tensor> xs = tensors(device, ADDRESSES, 2);
          OptimizerSteps.scale(xs, Tensor.full(Shape.scalar(), 0.3, DType.F32, device));
          return xs;
        },
        0);
  }

  @Test
  void adamWCountsEachStepOnce() {
    compare(
        device -> {
          List<Tensor> params = tensors(device, STATES, 3);
          List<Tensor> first = params.stream().map(x -> x.mul(0)).toList();
          List<Tensor> second = params.stream().map(x -> x.mul(0)).toList();
          Tensor hyper = Tensor.of(new double[] {1e-2, 0}, Shape.of(2), device);
          for (int step = 0; step < 3; step++) {
            OptimizerSteps.adamW(
                params, tensors(device, STATES, step), first, second, hyper, ADAMW);
          }
          assertEquals(3, hyper.get(1));
          return params;
        },
        1e-5);
  }

  @Test
  void sgdStartsItsBuffersOnce() {
    compare(
        device -> {
          List<Tensor> params = tensors(device, STATES, 4);
          List<Tensor> buffers = tensors(device, STATES, 5); // what they hold is not read
          Tensor hyper = Tensor.of(new double[] {1e-2, 0}, Shape.of(2), device);
          for (int step = 0; step < 3; step++) {
            OptimizerSteps.sgd(
                params,
                tensors(device, STATES, step),
                buffers,
                hyper,
                new OptimizerSteps.Sgd(0.9, 0.1, 0.01, true));
          }
          assertEquals(3, hyper.get(1));
          return params;
        },
        1e-5);
  }
}
