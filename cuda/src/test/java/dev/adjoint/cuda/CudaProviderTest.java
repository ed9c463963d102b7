package dev.adjoint.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.Device;
import dev.adjoint.TensorException;
import dev.adjoint.spi.BackendProvider;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CudaProviderTest {
  @Test
  void refusesWithTheReason() {
    TensorException e = assertThrows(TensorException.class, Device::cuda);
    String message = String.valueOf(e.getMessage());
    assertTrue(message.contains("no CUDA kernels yet"), message);
  }

  @Test
  void isFoundAndOffersNoDevice() {
    BackendProvider provider =
        ServiceLoader.load(BackendProvider.class).stream()
            .map(ServiceLoader.Provider::get)
            .filter(p -> p.type().equals("cuda"))
            .findFirst()
            .orElseThrow();
    assertTrue(provider.devices().isEmpty());
    assertEquals(5, provider.report().size());
  }

  @Test
  void reportsWhatIsThere(@TempDir Path root) throws IOException {
    write(root.resolve("proc/driver/nvidia/version"), "NVRM version: 580.65.06\nGCC version: 12\n");
    write(root.resolve("dev/nvidia0"), "");
    write(root.resolve("opt/driver/libcuda.so.1"), "");
    write(root.resolve("etc/ld.so.conf.d/driver.conf"), "# a comment\n/opt/driver\n");
    write(root.resolve("cuda/bin/nvcc"), "");
    CudaSearch search = new CudaSearch(root, Map.of("CUDA_HOME", root.resolve("cuda").toString()));
    assertEquals(
        List.of(
            "driver: NVRM version: 580.65.06",
            "libcuda.so.1: " + root.resolve("opt/driver/libcuda.so.1"),
            "device files: " + root.resolve("dev/nvidia0"),
            "toolkit: CUDA_HOME=" + root.resolve("cuda")),
        search.lines());
  }

  @Test
  void reportsWhatIsMissing(@TempDir Path root) {
    List<String> lines = new CudaSearch(root, Map.of("LD_LIBRARY_PATH", "/a::/b")).lines();
    assertTrue(lines.get(0).startsWith("driver: not loaded"), lines.get(0));
    assertTrue(lines.get(1).startsWith("libcuda.so.1: not found in /a, /b, "), lines.get(1));
    assertTrue(lines.get(2).startsWith("device files: none"), lines.get(2));
    assertTrue(lines.get(3).startsWith("toolkit: CUDA_HOME is not set"), lines.get(3));
  }

  private static void write(Path file, String text) throws IOException {
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
  }
}
