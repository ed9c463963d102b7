/** The examples, and the pictures that they draw. */
@SuppressWarnings("module") // the command line is compiled later
module dev.adjoint.examples {
  requires dev.adjoint;
  requires static org.jspecify;
  // Pictures are drawn where the Java runtime can; all else works without.
  requires static java.desktop;
  requires static org.knowm.xchart;

  exports dev.adjoint.examples;
  exports dev.adjoint.plot to
      dev.adjoint.cli;
}
