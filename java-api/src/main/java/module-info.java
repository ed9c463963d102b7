/**
 * Tensors and reverse-mode differentiation: what a user imports. Works alone on the reference
 * backend; faster ones are found by {@link java.util.ServiceLoader}.
 */
@SuppressWarnings("module") // the TCK is compiled later
module dev.adjoint {
  requires static transitive org.jspecify;

  exports dev.adjoint;
  exports dev.adjoint.autograd;
  exports dev.adjoint.data;
  exports dev.adjoint.io;
  exports dev.adjoint.nn;
  exports dev.adjoint.nn.models;
  exports dev.adjoint.ops;
  exports dev.adjoint.optim;
  exports dev.adjoint.reference to
      dev.adjoint.tck;
  exports dev.adjoint.spi;
  exports dev.adjoint.train;

  uses dev.adjoint.spi.BackendProvider;
}
