package dev.adjoint.cuda;

import dev.adjoint.spi.KernelTable;

/** What every family of calls relies on. */
interface CudaFamily {
  /** Where the calls run. */
  CudaDevice device();

  /** Its kernels. */
  default CudaKernels kernels() {
    return device().kernels();
  }

  /** Those that every backend has. */
  default KernelTable<CudaKernel> table() {
    return kernels().table();
  }
}
