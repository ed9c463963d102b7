package dev.adjoint.nativecpu;

import dev.adjoint.Device;
import dev.adjoint.tck.BackendContract;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** Every kernel of every variant that this machine can run, in one JVM. */
@ParameterizedClass(name = "{0}")
@MethodSource("variants")
final class NativeContractTest extends BackendContract {
  NativeContractTest(Device device) {
    super(new NativeCpuProvider().open(device));
  }

  static Stream<Device> variants() {
    return new NativeCpuProvider().devices().stream().filter(d -> !d.equals(Device.CPU));
  }
}
