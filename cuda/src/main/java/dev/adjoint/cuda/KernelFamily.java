package dev.adjoint.cuda;

import dev.adjoint.DType;
import dev.adjoint.TensorException;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/** The kernels of one name, one for each element type that it is made for. */
final class KernelFamily {
  private final String name;
  private final Map<DType, CudaKernel> byType = new EnumMap<>(DType.class);

  /**
   * Resolves {@code <name>_<dtype>} for every one of {@code dtypes}.
   *
   * @param kernels finds a kernel by its name; throws if there is none
   */
  KernelFamily(Function<String, CudaKernel> kernels, String name, Set<DType> dtypes) {
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
  CudaKernel of(DType dtype) {
    CudaKernel kernel = byType.get(dtype);
    if (kernel == null) {
      throw new TensorException(name + ": there is no kernel for " + dtype);
    }
    return kernel;
  }

  /** One family for each constant of an enum. */
  static final class ByEnum<E extends Enum<E>> {
    private final Map<E, KernelFamily> families;

    /** Makes the family of every constant. */
    ByEnum(Class<E> constants, Function<E, KernelFamily> family) {
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
    CudaKernel of(E constant, DType dtype) {
      KernelFamily family = families.get(constant);
      if (family == null) {
        throw new IllegalArgumentException(constant.name());
      }
      return family.of(dtype);
    }
  }
}
