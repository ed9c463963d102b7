package dev.adjoint.spi;

import dev.adjoint.DType;
import dev.adjoint.TensorException;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/**
 * The kernels of one name, one for each element type that it is made for.
 *
 * @param <K> what a backend knows of a kernel: its address, say
 */
public final class KernelFamily<K> {
  private final String name;
  private final Map<DType, K> byType = new EnumMap<>(DType.class);

  /**
   * Resolves {@code <name>_<dtype>} for every one of {@code dtypes}.
   *
   * @param kernels finds a kernel by its name; throws if there is none
   */
  public KernelFamily(Function<String, K> kernels, String name, Set<DType> dtypes) {
    this.name = name;
    for (DType dtype : dtypes) {
      byType.put(dtype, kernels.apply(name + "_" + dtype.suffix()));
    }
  }

  /**
   * The kernel for an element type.
   *
   * @throws TensorException if there is none
   */
  public K of(DType dtype) {
    K kernel = byType.get(dtype);
    if (kernel == null) {
      throw new TensorException(name + ": there is no kernel for " + dtype);
    }
    return kernel;
  }

  /** One family for each constant of an enum. */
  public static final class ByEnum<E extends Enum<E>, K> {
    private final Map<E, KernelFamily<K>> families;

    /** Makes the family of every constant. */
    public ByEnum(Class<E> constants, Function<E, KernelFamily<K>> family) {
      families = new EnumMap<>(constants);
      for (E constant : EnumSet.allOf(constants)) {
        families.put(constant, family.apply(constant));
      }
    }

    /**
     * The kernel of a constant for an element type.
     *
     * @throws TensorException if there is none
     */
    public K of(E constant, DType dtype) {
      KernelFamily<K> family = families.get(constant);
      if (family == null) {
        throw new IllegalArgumentException(constant.name());
      }
      return family.of(dtype);
    }
  }
}
