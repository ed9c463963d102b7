package dev.adjoint.cuda;

import dev.adjoint.TensorException;
import dev.adjoint.spi.Memory;
import dev.adjoint.spi.Settings;
import java.nio.file.Files;
import java.nio.file.Path;
import jcuda.jcublas.JCublas2;
import org.jspecify.annotations.Nullable;

/** The cuBLAS that this JVM has loaded, and which binding calls it. */
final class CuBlasLibrary {
  /** {@code jcuda} or {@code ffm}: the binding, instead of JCuda's where {@code .12} is found. */
  static final String BINDING_PROPERTY = "adjoint.cuda.cublas";

  private static final int CUDA_13 = 13000;
  private static final String REMEDY =
      "; install the CUDA toolkit, or cuBLAS alone (pip install nvidia-cublas-cu12), or name its"
          + " folder with -D"
          + CudaLibraries.PATH_PROPERTY;

  private final SharedLibrary library;
  private final @Nullable SharedLibrary lt;
  private final int major;
  private final boolean throughJCuda;

  private CuBlasLibrary(
      SharedLibrary library, @Nullable SharedLibrary lt, int major, boolean throughJCuda) {
    this.library = library;
    this.lt = lt;
    this.major = major;
    this.throughJCuda = throughJCuda;
  }

  /**
   * Finds and loads it.
   *
   * @param driverVersion what the driver can run: cuBLAS 13 needs one for CUDA 13
   * @throws TensorException with the places that were tried
   */
  static CuBlasLibrary load(CudaLibraries libraries, int driverVersion) {
    CudaLibraries.Search twelve = libraries.find("libcublas.so.12");
    if (twelve.file() != null) {
      return load(libraries, twelve.file(), 12, throughJCuda());
    }
    CudaLibraries.Search thirteen = libraries.find("libcublas.so.13");
    if (thirteen.file() == null) {
      throw new TensorException(
          "cuda: there is no cuBLAS (" + twelve + "; nor libcublas.so.13)" + REMEDY);
    }
    if (driverVersion < CUDA_13) {
      throw new TensorException(
          "cuda: "
              + thirteen.file()
              + " needs a driver for CUDA 13, this one is for CUDA "
              + CudaRuntime.versionName(driverVersion)
              + "; update the driver to 580 or newer, or install libcublas.so.12 (pip install"
              + " nvidia-cublas-cu12)");
    }
    return load(libraries, thirteen.file(), 13, false);
  }

  private static boolean throughJCuda() {
    return Settings.choice(BINDING_PROPERTY, "jcuda", "ffm").equals("jcuda");
  }

  private static CuBlasLibrary load(
      CudaLibraries libraries, Path file, int major, boolean throughJCuda) {
    // cuBLAS depends on cublasLt, which the loader does not find beside it by itself.
    String ltName = "libcublasLt.so." + major;
    Path beside = file.resolveSibling(ltName);
    Path ltFile = Files.exists(beside) ? beside : libraries.find(ltName).file();
    SharedLibrary lt = ltFile == null ? null : SharedLibrary.load(ltFile);
    SharedLibrary library = SharedLibrary.load(file);
    if (throughJCuda) {
      JCudaNatives.load("JCublas2", JCublas2::initialize);
    }
    return new CuBlasLibrary(library, lt, major, throughJCuda);
  }

  /**
   * A handle whose products go to a stream.
   *
   * @param workspace its scratch memory, so that it never allocates
   * @throws TensorException if the library is of another version than its name says
   */
  CuBlas open(Handles.Stream stream, Memory workspace) {
    CuBlas blas =
        throughJCuda
            ? new JCudaCuBlas(stream, workspace)
            : new FfmCuBlas(library, stream, workspace);
    if (blas.version() / 10000 != major) {
      throw new TensorException(
          "cuda: "
              + library.path()
              + " is cuBLAS "
              + versionName(blas.version())
              + ", not "
              + major
              + REMEDY);
    }
    return blas;
  }

  /** Products with epilogues; null without cublasLt. */
  @Nullable CuBlasLt openLt(Memory workspace) {
    return lt == null ? null : new CuBlasLt(lt, workspace);
  }

  private static String versionName(int version) {
    return version / 10000 + "." + version % 10000 / 100;
  }

  /** A line for people. */
  @Override
  public String toString() {
    return library.path()
        + ", called "
        + (throughJCuda ? "through JCuda" : "directly")
        + (lt == null ? "; no cublasLt" : "; " + lt.path());
  }
}
