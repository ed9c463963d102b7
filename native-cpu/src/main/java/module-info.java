/** C kernels for the CPU, found by the API as a service. */
module dev.adjoint.nativecpu {
  requires dev.adjoint;
  requires static org.jspecify;

  provides dev.adjoint.spi.BackendProvider with
      dev.adjoint.nativecpu.NativeCpuProvider;
}
