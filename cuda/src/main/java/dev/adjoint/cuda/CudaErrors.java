package dev.adjoint.cuda;

import dev.adjoint.TensorException;
import jcuda.driver.CUresult;

/** The driver's answers as exceptions. */
final class CudaErrors {
  static final int OUT_OF_MEMORY = CUresult.CUDA_ERROR_OUT_OF_MEMORY;
  static final int NO_DEVICE = CUresult.CUDA_ERROR_NO_DEVICE;

  private CudaErrors() {}

  /**
   * Throws unless the driver answered success.
   *
   * @param what was asked of it: an action, or the name of a kernel
   */
  static void check(int result, String what) {
    if (result != CUresult.CUDA_SUCCESS) {
      throw failure(result, what);
    }
  }

  static TensorException failure(int result, String what) {
    return new TensorException("cuda: " + what + ": " + CUresult.stringFor(result));
  }
}
