package dev.adjoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.function.Executable;

/** Assertions on tensors and on the messages of exceptions. */
public final class Expect {
  private Expect() {}

  /** The elements in row-major order, exactly; −0 counts as 0. */
  public static void values(@Nullable Tensor tensor, double... expected) {
    close(0, tensor, expected);
  }

  /** The elements in row-major order, within an absolute tolerance. */
  public static void close(double tolerance, @Nullable Tensor tensor, double... expected) {
    assertNotNull(tensor);
    double[] found = tensor.toDoubleArray();
    for (int i = 0; i < found.length; i++) {
      found[i] += 0.0; // −0 becomes 0
    }
    if (tolerance == 0) {
      assertArrayEquals(expected, found);
    } else {
      assertArrayEquals(expected, found, tolerance);
    }
  }

  public static void shape(Tensor tensor, long... sizes) {
    assertEquals(Shape.of(sizes), tensor.shape());
  }

  /** The code throws the type, with every part in its message. */
  public static void failure(Class<? extends Exception> type, Executable code, String... parts) {
    String message = assertThrows(type, code).getMessage();
    assertNotNull(message);
    for (String part : parts) {
      assertTrue(message.contains(part), () -> "'" + part + "' is missing in: " + message);
    }
  }
}
