package dev.adjoint.nativecpu;

import dev.adjoint.Device;
import dev.adjoint.tck.GoldenContract;

final class NativeGoldenTest extends GoldenContract {
  NativeGoldenTest() {
    super(Device.CPU);
  }
}
