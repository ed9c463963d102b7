package dev.adjoint.cuda;

import dev.adjoint.spi.Backend;
import dev.adjoint.tck.BackendContract;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.io.TempDir;

/** The simulated device where only cuBLAS 13 is found, which JCuda cannot call. */
final class CudaFfmContractTest extends BackendContract {
  private static final int EVERY = 211;

  @TempDir private static Path folder;

  CudaFfmContractTest() {
    super(List.of(open()), EVERY);
  }

  private static Backend open() {
    Path all = Path.of(System.getProperty(CudaLibraries.PATH_PROPERTY));
    try {
      Path some = Files.createTempDirectory(folder, "cublas-13");
      for (String name : List.of("libcuda.so.1", "libcublas.so.13", "libcublasLt.so.13")) {
        Files.createSymbolicLink(some.resolve(name), all.resolve(name));
      }
      CudaLibraries libraries = new CudaLibraries(some, Map.of(), some);
      return new CudaBackend(new CudaDevice(new CudaRuntime(libraries), 0));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
