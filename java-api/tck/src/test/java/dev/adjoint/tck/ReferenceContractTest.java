package dev.adjoint.tck;

import dev.adjoint.reference.ReferenceBackend;
import java.util.List;

/**
 * The reference against itself: what remains to be found is what it writes where, what it refuses,
 * and whether the contract's own cases are sound.
 */
final class ReferenceContractTest extends BackendContract {
  ReferenceContractTest() {
    super(List.of(new ReferenceBackend()), 10);
  }
}
