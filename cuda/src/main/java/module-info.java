/** NVIDIA GPUs, found by the API as a service. */
@SuppressWarnings("requires-automatic") // JCuda has no module descriptors
module dev.adjoint.cuda {
  requires dev.adjoint;
  requires jcublas;
  requires jcuda;
  requires static org.jspecify;

  provides dev.adjoint.spi.BackendProvider with
      dev.adjoint.cuda.CudaProvider;
}
