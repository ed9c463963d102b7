package dev.adjoint.nativecpu;

import dev.adjoint.spi.Backend;
import dev.adjoint.tck.BackendContract;

/** Every kernel of every variant that this machine can run, in one JVM. */
final class NativeContractTest extends BackendContract {
  NativeContractTest() {
    super(NativeOpTest.variants().<Backend>map(new NativeCpuProvider()::open).toList(), 1);
  }
}
