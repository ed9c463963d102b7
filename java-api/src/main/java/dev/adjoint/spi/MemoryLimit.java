package dev.adjoint.spi;

import dev.adjoint.TensorException;
import java.util.function.LongSupplier;

/** How many bytes the user allows each device: {@code -Dadjoint.memory=4g}. */
public final class MemoryLimit {
  /** A {@link Settings#size}. */
  public static final String PROPERTY = "adjoint.memory";

  private MemoryLimit() {}

  /**
   * What the property says, in bytes.
   *
   * @param otherwise used where it is not set
   * @throws TensorException if it is set to something that is no size
   */
  public static long configured(LongSupplier otherwise) {
    return Settings.size(PROPERTY, otherwise);
  }
}
