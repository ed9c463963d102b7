package dev.adjoint.cuda;

import dev.adjoint.TensorException;
import java.io.FileInputStream;
import dev.adjoint.spi.Settings;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;
import org.jspecify.annotations.Nullable;

/** What one JVM has once: the driver's library, JCuda on top of it, cuBLAS. */
final class CudaRuntime {
  /** A file with the kernels, instead of the one in the jar. */
  static final String KERNELS_PROPERTY = "adjoint.cuda.kernels";

  private static final String DRIVER = "libcuda.so.1";
  private static final String KERNELS_12 = "adjoint-cuda12.fatbin";
  private static final String KERNELS_13 = "adjoint-cuda13.fatbin";
  private static final String HOW_TO_BUILD =
      "ADJOINT_GPU_KERNELS=yes ./adjoint doctor, or mvn package, with nvcc of the CUDA toolkit 13; a"
          + " few minutes";
  private static final int OLDEST_DRIVER = 12000;
  private static final int CUDA_13 = 13000;

  private static @Nullable CudaRuntime shared;
  private static @Nullable String refusal;

  private final Path driverPath;
  private final Driver driver;
  private final int version;
  private final int deviceCount;
  private final CuBlasLibrary blas;
  private final Image image;

  /**
   * The runtime, made at the first call.
   *
   * @throws TensorException with the reason why there is none; the same one at every call
   */
  static synchronized CudaRuntime get() {
    if (refusal != null) {
      throw new TensorException(refusal);
    }
    CudaRuntime runtime = shared;
    if (runtime == null) {
      try {
        runtime = new CudaRuntime(new CudaLibraries());
      } catch (TensorException e) {
        refusal = e.getMessage();
        throw e;
      }
      shared = runtime;
    }
    return runtime;
  }

  /**
   * Loads what is needed.
   *
   * @throws TensorException with the reason if that fails
   */
  CudaRuntime(CudaLibraries libraries) {
    CudaLibraries.Search search = libraries.find(DRIVER);
    Path file = search.file();
    if (file == null) {
      throw unusable("there is no NVIDIA driver (" + search + ")");
    }
    driverPath = file;
    SharedLibrary library = SharedLibrary.load(file);
    driver = new Driver(library);
    // From here on the loader knows libcuda.so.1, on which JCuda's library depends.
    JCudaNatives.load("JCudaDriver", () -> JCudaDriver.setExceptionsEnabled(false));
    int result = JCudaDriver.cuInit(0);
    if (result == CudaErrors.NO_DEVICE) {
      throw unusable("the driver " + file + " finds no device");
    }
    if (result != CUresult.CUDA_SUCCESS) {
      throw unusable("the driver " + file + " does not start: " + CUresult.stringFor(result));
    }
    int[] value = new int[1];
    CudaErrors.check(JCudaDriver.cuDriverGetVersion(value), "the driver's version");
    version = value[0];
    if (version < OLDEST_DRIVER) {
      throw unusable(
          "the driver "
              + file
              + " is for CUDA "
              + versionName(version)
              + ", Adjoint needs 12.0 or newer; update the driver to 525 or newer");
    }
    CudaErrors.check(JCudaDriver.cuDeviceGetCount(value), "the number of devices");
    deviceCount = value[0];
    image = image(version);
    blas = CuBlasLibrary.load(libraries, version);
  }

  private static TensorException unusable(String why) {
    return new TensorException("cuda: " + why + "; use --device cpu (Device.CPU)");
  }

  static String versionName(int version) {
    return version / 1000 + "." + version % 1000 / 10;
  }

  Driver driver() {
    return driver;
  }

  int deviceCount() {
    return deviceCount;
  }

  CuBlasLibrary blas() {
    return blas;
  }

  /** The kernels for this driver. */
  Image image() {
    return image;
  }

  /** A line for each thing that was loaded. */
  List<String> report() {
    return List.of(
        "driver library: " + driverPath + ", for CUDA " + versionName(version),
        "cuBLAS: " + blas,
        "kernels: " + image.name());
  }

  /** A line for each file of kernels in this jar. */
  static List<String> reportKernels() {
    List<String> lines = new ArrayList<>();
    boolean complete = true;
    for (String name : List.of(KERNELS_12, KERNELS_13)) {
      try (InputStream in = CudaRuntime.class.getResourceAsStream(name)) {
        lines.add(name + ": " + (in == null ? "not built" : Fatbin.parse(in.readAllBytes())));
        complete &= in != null;
      } catch (IOException e) {
        lines.add(name + ": " + e);
      }
    }
    if (!complete) {
      lines.add("kernels are built by: " + HOW_TO_BUILD);
    }
    return lines;
  }

  /**
   * Kernels as the driver loads them.
   *
   * @param name where they come from
   * @param bytes a fatbin
   */
  @SuppressWarnings("ArrayRecordComponent") // handed on, not compared
  record Image(String name, byte[] bytes) {}

  private static Image image(int version) {
    Path configured = Settings.path(KERNELS_PROPERTY);
    // A driver loads no code that is newer than itself.
    String built = version >= CUDA_13 ? KERNELS_13 : KERNELS_12;
    String name = configured == null ? built : configured.toString();
    try (InputStream in =
        configured == null
            ? CudaRuntime.class.getResourceAsStream(built)
            : new FileInputStream(configured.toFile())) {
      if (in == null) {
        throw unusable(
            "this build has no kernels for GPUs ("
                + built
                + "): when it was made, nvcc was not found, or there was no driver and ./adjoint"
                + " left them out; they are built by: "
                + HOW_TO_BUILD);
      }
      return new Image(name, in.readAllBytes());
    } catch (IOException e) {
      throw new TensorException("cuda: " + name + " cannot be read: " + e, e);
    }
  }
}
