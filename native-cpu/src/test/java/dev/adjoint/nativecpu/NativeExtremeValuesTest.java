package dev.adjoint.nativecpu;

import dev.adjoint.Device;
import dev.adjoint.tck.ExtremeValuesContract;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** The ends of the number range on every variant that this machine can run. */
@ParameterizedClass(name = "{0}")
@MethodSource("variants")
final class NativeExtremeValuesTest extends ExtremeValuesContract {
  NativeExtremeValuesTest(Device device) {
    super(device);
  }

  static Stream<Device> variants() {
    return NativeOpTest.variants();
  }
}
