package dev.adjoint.tck;

import dev.adjoint.reference.ReferenceBackend;
import dev.adjoint.spi.Backend;

/**
 * The reference against itself: what remains to be found is what it writes where, what it refuses,
 * and whether the contract's own cases are sound.
 */
class ReferenceContractTest extends BackendContract {
  private final Backend backend = new ReferenceBackend();

  @Override
  protected Backend backend() {
    return backend;
  }
}
