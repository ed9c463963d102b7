package dev.adjoint.cuda;

import static dev.adjoint.cuda.SharedLibrary.handle;
import static dev.adjoint.cuda.SharedLibrary.unexpected;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.adjoint.spi.Memory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** cuBLAS 12 or 13, called directly. */
final class FfmCuBlas implements CuBlas {
  private static final int DEFAULT_ALGORITHM = -1; // CUBLAS_GEMM_DEFAULT

  private static final MethodHandle OF_ADDRESS = handle(ADDRESS);
  private static final MethodHandle SET_MODE = handle(JAVA_LONG, JAVA_INT);
  private static final MethodHandle SET_STREAM = handle(JAVA_LONG, JAVA_LONG);
  private static final MethodHandle SET_WORKSPACE = handle(JAVA_LONG, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle GET_VERSION = handle(JAVA_LONG, ADDRESS);
  private static final MethodHandle GEMM =
      handle(
          JAVA_LONG, // handle
          JAVA_INT, // operations
          JAVA_INT, JAVA_INT, // m, n, k
          JAVA_INT, JAVA_INT, ADDRESS, // alpha
          JAVA_LONG, // a, its type and leading dimension
          JAVA_INT, JAVA_INT, JAVA_LONG, // b
          JAVA_INT, JAVA_INT, ADDRESS, // beta
          JAVA_LONG, // out
          JAVA_INT, JAVA_INT, JAVA_INT, // compute type
          JAVA_INT); // algorithm
  private static final MethodHandle BATCHED_GEMM =
      handle(
          JAVA_LONG, // handle
          JAVA_INT, // operations
          JAVA_INT, JAVA_INT, // m, n, k
          JAVA_INT, JAVA_INT, ADDRESS, // alpha
          JAVA_LONG, // a, its type, leading dimension and stride
          JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG, // b
          JAVA_INT, JAVA_INT, JAVA_LONG, ADDRESS, // beta
          JAVA_LONG, // out
          JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_INT, // count
          JAVA_INT, // compute type
          JAVA_INT); // algorithm

  /** A thread's alpha and beta, which cuBLAS reads while it is called. */
  private static final ThreadLocal<MemorySegment> SCALARS =
      ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(JAVA_DOUBLE, 2));

  private final MemorySegment gemm;
  private final MemorySegment batchedGemm;
  private final long handle;
  private final int version;

  FfmCuBlas(SharedLibrary library, Handles.Stream stream, Memory workspace) {
    gemm = library.function("cublasGemmEx");
    batchedGemm = library.function("cublasGemmStridedBatchedEx");
    MemorySegment create = library.function("cublasCreate_v2");
    MemorySegment setStream = library.function("cublasSetStream_v2");
    MemorySegment setWorkspace = library.function("cublasSetWorkspace_v2");
    MemorySegment setMathMode = library.function("cublasSetMathMode");
    MemorySegment getVersion = library.function("cublasGetVersion_v2");
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment result = arena.allocate(JAVA_LONG);
      CuBlas.check((int) OF_ADDRESS.invokeExact(create, result), "opening cuBLAS");
      handle = result.get(JAVA_LONG, 0);
      CuBlas.check(
          (int) SET_STREAM.invokeExact(setStream, handle, stream.address()),
          "cuBLAS: setting its stream");
      CuBlas.check(
          (int)
              SET_WORKSPACE.invokeExact(
                  setWorkspace, handle, workspace.address(), workspace.bytes()),
          "cuBLAS: setting its workspace");
      CuBlas.check(
          (int) SET_MODE.invokeExact(setMathMode, handle, WHOLE_SUMS), "cuBLAS: setting its mode");
      CuBlas.check(
          (int) GET_VERSION.invokeExact(getVersion, handle, result), "cuBLAS: asking its version");
      version = result.get(JAVA_INT, 0);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  @Override
  public int version() {
    return version;
  }

  @Override
  public void multiply(Product p) {
    MemorySegment alpha = SCALARS.get();
    MemorySegment beta = alpha.asSlice(Double.BYTES);
    put(alpha, p.numbers(), p.alpha());
    put(beta, p.numbers(), p.beta());
    int status;
    try {
      status =
          p.count() == 1
              ? (int)
                  GEMM.invokeExact(
                      gemm,
                      handle,
                      p.a().operation(),
                      p.b().operation(),
                      p.m(),
                      p.n(),
                      p.k(),
                      alpha,
                      p.a().address(),
                      p.numbers().factors,
                      p.a().leading(),
                      p.b().address(),
                      p.numbers().factors,
                      p.b().leading(),
                      beta,
                      p.out().address(),
                      p.numbers().result,
                      p.out().leading(),
                      p.numbers().compute,
                      DEFAULT_ALGORITHM)
              : (int)
                  BATCHED_GEMM.invokeExact(
                      batchedGemm,
                      handle,
                      p.a().operation(),
                      p.b().operation(),
                      p.m(),
                      p.n(),
                      p.k(),
                      alpha,
                      p.a().address(),
                      p.numbers().factors,
                      p.a().leading(),
                      p.a().stride(),
                      p.b().address(),
                      p.numbers().factors,
                      p.b().leading(),
                      p.b().stride(),
                      beta,
                      p.out().address(),
                      p.numbers().result,
                      p.out().leading(),
                      p.out().stride(),
                      p.count(),
                      p.numbers().compute,
                      DEFAULT_ALGORITHM);
    } catch (Throwable e) {
      throw unexpected(e);
    }
    CuBlas.check(status, "cuBLAS: multiplying");
  }

  private static void put(MemorySegment scalar, Numbers numbers, double value) {
    if (numbers == Numbers.F64) {
      scalar.set(JAVA_DOUBLE, 0, value);
    } else {
      scalar.set(JAVA_FLOAT, 0, (float) value);
    }
  }
}
