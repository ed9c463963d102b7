/** NVIDIA GPUs, found by the API as a service. */
module dev.adjoint.cuda {
  requires dev.adjoint;
  requires static org.jspecify;

  provides dev.adjoint.spi.BackendProvider with
      dev.adjoint.cuda.CudaProvider;
}
