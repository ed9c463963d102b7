package dev.adjoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Settings that are read when the library starts, so each test starts a JVM. */
class StartingTest {
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

  /** Asks for a tensor twice, and then without what stood in the way. */
  static final class Persistent {
    private Persistent() {}

    @SuppressWarnings("SystemOut")
    public static void main(String[] args) {
      for (int i = 0; i < 2; i++) {
        try {
          Tensor.zeros(1).close();
        } catch (TensorException e) {
          System.out.println(e.getMessage());
        }
      }
      System.setProperty("adjoint.device", "reference");
      System.clearProperty("adjoint.leaks");
      try (Tensor x = Tensor.ones(1)) {
        System.out.println(x);
      }
    }
  }

  @Test
  void tracingSaysWhereATensorWasBorn() throws IOException, InterruptedException {
    String output = ForkedJvm.output(Leaky.class, "-Dadjoint.leaks=trace");
    assertTrue(output.contains("F32 [3, 5]"), output);
    assertTrue(output.contains("forgetToClose"), output);
  }

  @Test
  void withoutItOnlyWhatItIs() throws IOException, InterruptedException {
    String output = ForkedJvm.output(Leaky.class);
    assertTrue(output.contains("F32 [3, 5]") && !output.contains("forgetToClose"), output);
  }

  @ParameterizedTest
  @CsvSource({
    "-Dadjoint.device=gpu, use cpu",
    "-Dadjoint.device=cuda:x, write it as cuda:0",
    "-Dadjoint.leaks=yes, it must be off or trace"
  })
  void aWrongSettingIsToldEachTimeUntilItIsMended(String option, String wayOut)
      throws IOException, InterruptedException {
    List<String> lines = ForkedJvm.output(Persistent.class, option).lines().toList();
    assertEquals(3, lines.size(), lines::toString);
    assertTrue(lines.getFirst().startsWith("settings: " + option), lines::toString);
    assertTrue(lines.getFirst().contains(wayOut), lines::toString);
    assertEquals(lines.get(0), lines.get(1));
    assertEquals("tensor([1.])", lines.get(2));
  }
}
