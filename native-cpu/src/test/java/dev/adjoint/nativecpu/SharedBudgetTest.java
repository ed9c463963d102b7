package dev.adjoint.nativecpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.adjoint.DType;
import dev.adjoint.Device;
import dev.adjoint.OutOfMemoryException;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.tck.ForkedJvm;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

/** All variants of the CPU in one JVM have the memory budget together. */
class SharedBudgetTest {
  /** What the other JVM runs: of a budget of 64 MiB it takes 40 on one device, then on another. */
  static final class Program {
    private Program() {}

    public static void main(String[] args) {
      Device variant = new NativeCpuProvider().devices().getLast();
      try (Tensor _ = fill(Device.CPU)) {
        fill(variant).close();
        System.out.println("80 MiB at once");
      } catch (OutOfMemoryException e) {
        System.out.println("no 80 MiB at once");
      }
      fill(variant).close(); // the other one's cache makes room
      fill(Device.CPU).close();
      System.out.println("40 MiB on each in turn");
    }

    private static Tensor fill(Device device) {
      return Tensor.full(Shape.of(40 << 20), 1, DType.BOOL, device);
    }
  }

  @Test
  void oneBudgetForAllVariants() throws IOException, InterruptedException {
    ForkedJvm.Ended jvm =
        ForkedJvm.run(ForkedJvm.of(List.of("-Dadjoint.memory=64m"), Program.class));
    assertEquals(
        List.of("no 80 MiB at once", "40 MiB on each in turn"), jvm.output().lines().toList());
    assertEquals(0, jvm.exitCode());
  }
}
