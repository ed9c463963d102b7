package dev.adjoint.tck;

import dev.adjoint.Device;

/** The reference at the ends of the number range: its F32 against its F64, fused and recorded. */
final class ReferenceExtremeValuesTest extends ExtremeValuesContract {
  ReferenceExtremeValuesTest() {
    super(Device.REFERENCE);
  }
}
