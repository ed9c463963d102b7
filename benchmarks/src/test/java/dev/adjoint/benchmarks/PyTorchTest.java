package dev.adjoint.benchmarks;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.TensorException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Talks to a stand-in for Python that keeps what it was asked. */
class PyTorchTest {
  private static final String PYTHON = "adjoint.pytorch.python";
  private static final String DEVICE = "adjoint.pytorch.device";

  @TempDir Path folder;

  @BeforeEach
  void aStandIn() throws IOException {
    Path python = folder.resolve("python3");
    Files.writeString(
        python,
        """
        #!/bin/sh
        echo "PyTorch of $2 $3 $4"
        while read -r line; do
          echo "$line" >>"%s"
          case "$line" in
            *'"do": "result"'*) echo %s ;;
            *'"op": "mul"'*) echo "failed OutOfMemoryError: too large" ;;
            *'"op": "exp"'*) exit 3 ;;
            *) echo done ;;
          esac
        done
        """
            .formatted(requests(), Worker.encode(new double[] {1.5, -2})));
    Files.setPosixFilePermissions(python, PosixFilePermissions.fromString("rwx------"));
    System.setProperty(PYTHON, python.toString());
  }

  @AfterEach
  void noStandIn() {
    System.clearProperty(PYTHON);
    System.clearProperty(DEVICE);
  }

  private Path requests() {
    return folder.resolve("requests");
  }

  @Test
  void manyRunsAreOneRequest() throws IOException {
    try (PyTorch peer = new PyTorch(PyTorchProvider.EAGER, 2)) {
      assertEquals("PyTorch of cuda eager 2", peer.version());
      assertTrue(peer.isAsynchronous());
      try (Workload workload = peer.prepare(new OpCase("add", true, 7)).orElseThrow()) {
        workload.run(5);
        assertArrayEquals(new double[] {1.5, -2}, workload.result());
      }
      assertTrue(peer.prepare(StepCase.parse("char-gpt-sgd-captured")).isEmpty());
    }
    List<String> asked = Files.readAllLines(requests());
    assertEquals(4, asked.size());
    assertTrue(asked.getFirst().contains("\"inputs\": [{\"shape\": [7], \"bound\": 0"));
    assertTrue(asked.get(1).contains("\"times\": 5"), asked.get(1));
    assertTrue(asked.getLast().contains("\"do\": \"release\""), asked.getLast());
  }

  @Test
  void wrongSettingsAreToldWithWhatIsAllowed() {
    PyTorchProvider provider = new PyTorchProvider();
    System.setProperty(DEVICE, "gpu");
    assertEquals(
        "settings: -Dadjoint.pytorch.device=gpu; it must be cuda or cpu",
        assertThrows(TensorException.class, provider::isGpu).getMessage());
    System.setProperty(DEVICE, "");
    assertTrue(provider.isGpu());
    System.setProperty(DEVICE, "cpu");
    assertFalse(provider.isGpu());
    System.setProperty(PYTHON, folder.resolve("none").toString());
    String message =
        String.valueOf(
            assertThrows(TensorException.class, () -> provider.settings(1)).getMessage());
    assertTrue(
        message.startsWith(
            "settings: -Dadjoint.pytorch.python="
                + folder.resolve("none")
                + "; it must be a Python that can be started ("),
        message);
  }

  @Test
  void failuresHaveTheirReason() {
    try (PyTorch peer = new PyTorch(PyTorchProvider.EAGER, 2)) {
      OpCase large = new OpCase("mul", false, 1);
      String reason =
          assertThrows(IllegalStateException.class, () -> peer.prepare(large)).getMessage();
      assertEquals("OutOfMemoryError: too large", reason);
      OpCase fatal = new OpCase("exp", false, 1);
      reason = assertThrows(IllegalStateException.class, () -> peer.prepare(fatal)).getMessage();
      assertEquals("the Python process ended", reason);
    }
  }
}
