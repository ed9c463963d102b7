package dev.adjoint.cuda;

import dev.adjoint.TensorException;
import jcuda.cudaDataType;
import jcuda.jcublas.cublasComputeType;
import jcuda.jcublas.cublasStatus;

/**
 * Matrix products of cuBLAS on one stream: {@link JCudaCuBlas} through JCuda, which needs {@code
 * libcublas.so.12}, and {@link FfmCuBlas} through {@code libcublas.so.12} or {@code .13}.
 */
interface CuBlas {
  /**
   * The mode in which sums are computed in their own type to the end: {@code
   * CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION} beside the default mode. Without it cuBLAS
   * may cut a long sum and round the parts to the type of the result.
   */
  int WHOLE_SUMS = 16;

  /** Enqueues a product. May be called from any thread; the device's context is current. */
  void multiply(Product product);

  /** The library's version, {@code 10000 · major + 100 · minor + patch}. */
  int version();

  /** Element types, by cuBLAS's numbers. */
  enum Numbers {
    F32(cudaDataType.CUDA_R_32F, cudaDataType.CUDA_R_32F, cublasComputeType.CUBLAS_COMPUTE_32F),
    F64(cudaDataType.CUDA_R_64F, cudaDataType.CUDA_R_64F, cublasComputeType.CUBLAS_COMPUTE_64F),
    /** Float32 of which tensor cores read 11 bits. */
    TF32(
        cudaDataType.CUDA_R_32F,
        cudaDataType.CUDA_R_32F,
        cublasComputeType.CUBLAS_COMPUTE_32F_FAST_TF32),
    /** Factors in bfloat16, sums in float32, which are rounded. */
    BF16(cudaDataType.CUDA_R_16BF, cudaDataType.CUDA_R_16BF, cublasComputeType.CUBLAS_COMPUTE_32F),
    /** The same, not rounded. */
    BF16_TO_F32(
        cudaDataType.CUDA_R_16BF, cudaDataType.CUDA_R_32F, cublasComputeType.CUBLAS_COMPUTE_32F),
    /** Factors in float16, sums in float32, which are rounded. */
    F16(cudaDataType.CUDA_R_16F, cudaDataType.CUDA_R_16F, cublasComputeType.CUBLAS_COMPUTE_32F),
    /** The same, not rounded. */
    F16_TO_F32(
        cudaDataType.CUDA_R_16F, cudaDataType.CUDA_R_32F, cublasComputeType.CUBLAS_COMPUTE_32F);

    final int factors;
    final int result;
    final int compute;

    Numbers(int factors, int result, int compute) {
      this.factors = factors;
      this.result = result;
      this.compute = compute;
    }

    /** The type of alpha and beta. */
    int scalars() {
      return this == F64 ? cudaDataType.CUDA_R_64F : cudaDataType.CUDA_R_32F;
    }
  }

  /**
   * A factor in memory, column-major, or a batch of them.
   *
   * @param address of the first
   * @param transposed whether its transpose counts
   * @param leading the distance between columns, in elements
   * @param stride the distance between those of a batch, in elements
   */
  record Factor(long address, boolean transposed, int leading, long stride) {
    int operation() {
      return transposed ? 1 : 0; // CUBLAS_OP_T, CUBLAS_OP_N
    }

    Factor at(long other) {
      return new Factor(other, transposed, leading, stride);
    }
  }

  /**
   * {@code out = alpha · a × b + beta · out}, column-major: a is m × k, b is k × n.
   *
   * @param out never transposed
   * @param count how many products the batch has
   */
  record Product(
      Numbers numbers,
      int m,
      int n,
      int k,
      double alpha,
      Factor a,
      Factor b,
      double beta,
      Factor out,
      int count)
      implements CudaCall.Step {
    /** The same of other matrices. */
    Product at(long addressA, long addressB, long addressOut) {
      return new Product(
          numbers, m, n, k, alpha, a.at(addressA), b.at(addressB), beta, out.at(addressOut), count);
    }

    @Override
    public void enqueue(CudaStream stream) {
      stream.blas().multiply(this);
    }
  }

  /** Throws unless cuBLAS answered success. */
  static void check(int status, String what) {
    if (status != cublasStatus.CUBLAS_STATUS_SUCCESS) {
      throw new TensorException("cuda: " + what + ": " + cublasStatus.stringFor(status));
    }
  }
}
