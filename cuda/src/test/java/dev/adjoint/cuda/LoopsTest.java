package dev.adjoint.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.DType;
import dev.adjoint.Device;
import dev.adjoint.Scope;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** More loops than a parameter block has room for. */
@Tag("device")
class LoopsTest {
  private static final Device CUDA = new Device("cuda", "0");
  private static final int RANK = 17;

  /** Of 17 dimensions with two elements each, those from one to before another reversed. */
  private static Tensor reversed(Device device, int from, int to) {
    long[] sizes = new long[RANK];
    Arrays.fill(sizes, 2);
    int[] order =
        IntStream.range(0, RANK).map(d -> d < from || d >= to ? d : from + to - 1 - d).toArray();
    return Tensor.arange(1 << RANK, DType.F32, device).reshape(sizes).permute(order);
  }

  private static void assertRefused(String kernel, Executable work) {
    String message = String.valueOf(assertThrows(TensorException.class, work).getMessage());
    for (String part : new String[] {kernel + " over [2, 2, ", "17 loops", "contiguous()"}) {
      assertTrue(message.contains(part), message);
    }
  }

  @Test
  void theyAreRefusedAndContiguousOperandsHelp() {
    try (var _ = Scope.open()) {
      Tensor a = reversed(CUDA, 0, 9);
      Tensor b = reversed(CUDA, 8, RANK);
      assertRefused("add_f32", () -> a.add(b));
      float[] found = a.contiguous().add(b.contiguous()).toFloatArray();
      Tensor expected = reversed(Device.REFERENCE, 0, 9).add(reversed(Device.REFERENCE, 8, RANK));
      assertArrayEquals(expected.toFloatArray(), found);
    }
  }

  @Test
  void everyKindOfKernelOverLoopsRefusesThem() {
    try (var _ = Scope.open()) {
      Tensor x = reversed(CUDA, 0, RANK);
      assertRefused("neg_f32", x::neg);
      assertRefused("add_scalar_f32", () -> x.add(1));
      assertRefused("cast_f32_f64", () -> x.to(DType.F64));
      assertRefused("copy_f32", x::contiguous);
      assertRefused("reduce_sum_f32", () -> x.sum(0));
      assertRefused("argmax_f32", () -> x.unsqueeze(RANK).argmax(RANK));
    }
  }
}
