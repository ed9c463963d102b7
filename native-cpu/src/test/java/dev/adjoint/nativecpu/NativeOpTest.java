package dev.adjoint.nativecpu;

import dev.adjoint.Device;
import dev.adjoint.tck.OpContract;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** Every operation on every variant that this machine can run, in one JVM. */
@ParameterizedClass(name = "{0}")
@MethodSource("variants")
final class NativeOpTest extends OpContract {
  NativeOpTest(Device device) {
    super(device);
  }

  static Stream<Device> variants() {
    return new NativeCpuProvider().devices().stream().filter(d -> !d.equals(Device.CPU));
  }
}
