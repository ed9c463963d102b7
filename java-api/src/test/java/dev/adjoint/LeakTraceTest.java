package dev.adjoint;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import org.junit.jupiter.api.Test;

/** The switch is read when the library starts, so each test starts a JVM. */
class LeakTraceTest {
  /** What the other JVM runs. */
  static final class Leaky {
    private Leaky() {}

    @SuppressWarnings("SystemOut")
    public static void main(String[] args) {
      Tensor leaked = forgetToClose();
      System.out.println(Adjoint.liveStorages(leaked.device()));
    }

    private static Tensor forgetToClose() {
      return Tensor.zeros(3, 5);
    }
  }

  @Test
  void tracingSaysWhereATensorWasBorn() throws IOException, InterruptedException {
    String output = OtherJvm.run(Leaky.class, "-Dadjoint.leaks=trace");
    assertTrue(output.contains("F32 [3, 5]"), output);
    assertTrue(output.contains("forgetToClose"), output);
  }

  @Test
  void withoutItOnlyWhatItIs() throws IOException, InterruptedException {
    String output = OtherJvm.run(Leaky.class);
    assertTrue(output.contains("F32 [3, 5]") && !output.contains("forgetToClose"), output);
  }
}
