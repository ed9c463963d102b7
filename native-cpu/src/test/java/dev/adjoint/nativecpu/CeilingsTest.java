package dev.adjoint.nativecpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class CeilingsTest {
  @Test
  void everyProbeOfEveryVariantRuns() {
    NativeRuntime runtime = NativeCpuProvider.shared();
    for (Variant variant : runtime.variants()) {
      if (runtime.isUsable(variant)) {
        try (Ceilings ceilings = new Ceilings(variant.name())) {
          Stream.concat(Ceilings.ARITHMETIC.stream(), Ceilings.TRAFFIC.stream())
              .forEach(name -> assertTrue(ceilings.rate(name, 1 << 16, 0) > 0, name));
        }
      }
    }
  }

  @Test
  void crossings() {
    NativeRuntime runtime = NativeCpuProvider.shared();
    try (Ceilings ceilings = new Ceilings(runtime.best())) {
      assertEquals(runtime.threads(), ceilings.downcall());
      assertEquals(runtime.threads(), ceilings.criticalDowncall());
      ceilings.emptyRegion();
    }
  }
}
