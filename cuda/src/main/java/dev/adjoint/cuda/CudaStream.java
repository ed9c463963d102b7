package dev.adjoint.cuda;

/** A queue of work on a device, with the cuBLAS handle whose products go there. */
final class CudaStream {
  private final Driver driver;
  private final Handles.Stream handle;
  private final CuBlas blas;

  CudaStream(Driver driver, Handles.Stream handle, CuBlas blas) {
    this.driver = driver;
    this.handle = handle;
    this.blas = blas;
  }

  Handles.Stream handle() {
    return handle;
  }

  CuBlas blas() {
    return blas;
  }

  void launch(Launch launch) {
    CudaErrors.check(driver.launch(launch, handle.address()), launch.kernel().name());
  }
}
