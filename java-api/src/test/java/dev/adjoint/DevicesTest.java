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
}
