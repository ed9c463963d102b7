/** The command line. */
module dev.adjoint.cli {
  requires dev.adjoint;
  requires dev.adjoint.examples;
  requires dev.adjoint.tck;
  requires info.picocli;
  requires me.tongfei.progressbar;
  requires static org.jspecify;
  // Pictures are drawn where the Java runtime can; all else works without.
  requires static java.desktop;
  requires static org.knowm.xchart;

  opens dev.adjoint.cli to
      info.picocli;
}
