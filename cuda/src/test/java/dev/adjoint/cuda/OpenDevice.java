package dev.adjoint.cuda;

import dev.adjoint.tck.Calls;
import dev.adjoint.spi.ElementwiseKernels;
import dev.adjoint.spi.OptimizerKernels;
import dev.adjoint.DType;
import dev.adjoint.Device;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import dev.adjoint.spi.Backend;
import dev.adjoint.spi.KernelCall;
import dev.adjoint.spi.Layout;
import dev.adjoint.spi.Memory;
import dev.adjoint.spi.View;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * What {@link RefusalsTest} runs in processes of its own: does something with the first GPU and
 * prints the message of the exception, or what came out.
 */
final class OpenDevice {
  private OpenDevice() {}

  public static void main(String[] args) {
    System.out.println(result(args[0]));
  }

  private static String result(String what) {
    try {
      return switch (what) {
        case "open" -> open();
        case "report" -> String.join("\n", new CudaProvider().report());
        case "fill" -> fill();
        case "missing" -> device().kernels().get("no_such_kernel").name();
        case "oversized" -> oversized();
        case "illegal" -> illegal();
        case "steps" -> steps(101) + "; " + steps(148) + "; " + steps(800) + "; " + steps(818);
        default -> throw new IllegalArgumentException(what);
      };
    } catch (TensorException e) {
      return String.valueOf(e.getMessage());
    }
  }

  private static String open() {
    try (Tensor x = Tensor.full(Shape.of(2, 3), 2, DType.F32, Device.cuda());
        Tensor y = x.matmul(x.t())) {
      return y.device() + " gives " + y.get(1, 1);
    }
  }

  private static CudaDevice device() {
    return new CudaDevice(CudaRuntime.get(), 0);
  }

  /** More than the device has. */
  private static String fill() {
    List<Tensor> held = new ArrayList<>();
    while (held.size() < 100) {
      held.add(Tensor.full(Shape.of(64 << 20), 1, DType.F32, Device.cuda()));
    }
    return held.size() + " fit";
  }

  private static String oversized() {
    CudaKernel kernel = device().kernels().get("next_key");
    return new Launch(kernel, new long[3], 1, 1, 1, 0).kernel().name();
  }

  /** AdamW over so many parameters of one element. */
  private static String steps(int count) {
    Backend backend = new CudaProvider().open(new Device("cuda", "0"));
    int numbers = 2 + 4 * count;
    long bytes = (long) numbers * Double.BYTES;
    Memory memory = Objects.requireNonNull(backend.allocate(bytes));
    View all = new View(memory, Layout.contiguous(Shape.of(numbers)), DType.F64);
    List<List<View>> lists = new ArrayList<>();
    for (int from = 2; from < numbers; from += count) {
      List<View> views = new ArrayList<>();
      for (int at = from; at < from + count; at++) {
        views.add(all.with(all.layout().slice(0, at, at + 1, 1)));
      }
      lists.add(views);
    }
    double[] values = new double[numbers];
    Arrays.fill(values, 2, 2 + 2 * count, 1); // parameters and gradients
    backend.upload(MemorySegment.ofArray(values), all);
    KernelCall step =
        Calls.of(
            backend,
            new OptimizerKernels.AdamW(
                all, 0.5, 0.5, 1e-8, 0.1, lists.get(0), lists.get(1), lists.get(2), lists.get(3)));
    step.run();
    backend.download(all, MemorySegment.ofArray(values));
    double moments = Arrays.stream(values, 2 + 2 * count, numbers).sum();
    return count + " in " + ((CudaCall) step).steps().size() + ", " + values[1] + ", " + moments;
  }

  /** A kernel that writes where nothing is; another call finds out. */
  private static String illegal() {
    Backend backend = new CudaProvider().open(new Device("cuda", "0"));
    Memory nowhere = new Memory(64, 64, MemorySegment.NULL);
    View view = new View(nowhere, Layout.contiguous(Shape.of(16)), DType.F32);
    Calls.of(backend, new ElementwiseKernels.Fill(view, 1)).run();
    backend.synchronize();
    return "nothing was found";
  }
}
