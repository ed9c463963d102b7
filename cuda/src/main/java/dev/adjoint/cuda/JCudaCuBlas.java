package dev.adjoint.cuda;

import dev.adjoint.spi.Memory;
import jcuda.Pointer;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasGemmAlgo;
import jcuda.jcublas.cublasHandle;
import jcuda.runtime.cudaStream_t;

/**
 * cuBLAS 12 through JCuda; its functions with {@code _new} take the compute types of cuBLAS 11 on.
 */
final class JCudaCuBlas implements CuBlas {
  private final cublasHandle handle = new cublasHandle();
  private final int version;

  JCudaCuBlas(Handles.Stream stream, Memory workspace) {
    CuBlas.check(JCublas2.cublasCreate(handle), "opening cuBLAS");
    CuBlas.check(
        JCublas2.cublasSetStream(handle, new cudaStream_t(stream)), "cuBLAS: setting its stream");
    CuBlas.check(
        JCublas2.cublasSetWorkspace(
            handle, Handles.devicePointer(workspace.address()), workspace.bytes()),
        "cuBLAS: setting its workspace");
    CuBlas.check(JCublas2.cublasSetMathMode(handle, WHOLE_SUMS), "cuBLAS: setting its mode");
    int[] found = new int[1];
    CuBlas.check(JCublas2.cublasGetVersion(handle, found), "cuBLAS: asking its version");
    version = found[0];
  }

  @Override
  public int version() {
    return version;
  }

  @Override
  public void multiply(Product p) {
    int status =
        p.count() == 1
            ? JCublas2.cublasGemmEx_new(
                handle,
                p.a().operation(),
                p.b().operation(),
                p.m(),
                p.n(),
                p.k(),
                scalar(p.numbers(), p.alpha()),
                pointer(p.a()),
                p.numbers().factors,
                p.a().leading(),
                pointer(p.b()),
                p.numbers().factors,
                p.b().leading(),
                scalar(p.numbers(), p.beta()),
                pointer(p.out()),
                p.numbers().result,
                p.out().leading(),
                p.numbers().compute,
                cublasGemmAlgo.CUBLAS_GEMM_DEFAULT)
            : JCublas2.cublasGemmStridedBatchedEx_new(
                handle,
                p.a().operation(),
                p.b().operation(),
                p.m(),
                p.n(),
                p.k(),
                scalar(p.numbers(), p.alpha()),
                pointer(p.a()),
                p.numbers().factors,
                p.a().leading(),
                p.a().stride(),
                pointer(p.b()),
                p.numbers().factors,
                p.b().leading(),
                p.b().stride(),
                scalar(p.numbers(), p.beta()),
                pointer(p.out()),
                p.numbers().result,
                p.out().leading(),
                p.out().stride(),
                p.count(),
                p.numbers().compute,
                cublasGemmAlgo.CUBLAS_GEMM_DEFAULT);
    CuBlas.check(status, "cuBLAS: multiplying");
  }

  private static Pointer pointer(Factor factor) {
    return Handles.devicePointer(factor.address());
  }

  private static Pointer scalar(Numbers numbers, double value) {
    return numbers == Numbers.F64
        ? Pointer.to(new double[] {value})
        : Pointer.to(new float[] {(float) value});
  }
}
