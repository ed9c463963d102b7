package dev.adjoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(Reference.class)
class DevicesTest {
  @Test
  void thereIsNoSilentMove() {
    Tensor x = Tensor.ones(2);
    assertSame(x, x.to(Device.REFERENCE));
    Expect.failure(
        TensorException.class,
        () -> x.to(new Device("cuda", "77")),
        "cuda:77",
        "-Dadjoint.device=reference");
    Expect.failure(
        TensorException.class, () -> Adjoint.setDefaultDevice(new Device("cuda", "77")), "cuda:77");
    assertEquals(Device.REFERENCE, Adjoint.defaultDevice());
  }

  @Test
  void aGpuHasOneNameOnly() {
    assertEquals(Device.of("cuda:0"), Device.of("cuda"));
    assertEquals(Device.of("cuda:1"), Device.of("cuda:01"));
    for (String name : new String[] {"cuda:x", "cuda:-1", "cuda: 1", "cuda:99999999999"}) {
      Expect.failure(TensorException.class, () -> Device.of(name), name, "write it as cuda:0");
    }
  }
}
