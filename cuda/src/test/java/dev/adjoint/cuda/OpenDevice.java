package dev.adjoint.cuda;

import dev.adjoint.DType;
import dev.adjoint.Device;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import dev.adjoint.spi.Backend;
import dev.adjoint.spi.Layout;
import dev.adjoint.spi.Memory;
import dev.adjoint.spi.View;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

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

  /** A kernel that writes where nothing is; another call finds out. */
  private static String illegal() {
    Backend backend = new CudaProvider().open(new Device("cuda", "0"));
    Memory nowhere = new Memory(64, 64, MemorySegment.NULL);
    View view = new View(nowhere, Layout.contiguous(Shape.of(16)), DType.F32);
    backend.fill(view, 1).run();
    backend.synchronize();
    return "nothing was found";
  }
}
