package dev.adjoint.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests in C++: of the simulated device, whose planted faults must be caught, and on it. */
@EnabledOnOs(architectures = "amd64") // only there the simulated device is built
class SimulatedDeviceTest {
  @ParameterizedTest
  @ValueSource(strings = {"test_simulation", "test_products", "test_rows", "test_attention"})
  @Timeout(value = 5, unit = TimeUnit.MINUTES)
  void passes(String test) throws IOException, InterruptedException {
    Path program = Path.of(System.getProperty("adjoint.cuda.path"), test);
    Process process = new ProcessBuilder(program.toString()).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), output);
  }
}
