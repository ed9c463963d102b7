/** The op catalog and the contract that every backend is held to. */
module dev.adjoint.tck {
  requires transitive dev.adjoint;
  requires static org.jspecify;
  // For tests; the self-test of a running program does without.
  requires static org.junit.jupiter.api;

  exports dev.adjoint.tck;
}
