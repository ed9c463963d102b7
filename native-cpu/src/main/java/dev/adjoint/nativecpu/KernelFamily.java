package dev.adjoint.nativecpu;

import dev.adjoint.DType;
import dev.adjoint.TensorException;
import java.util.EnumMap;
import java.util.Map;
import java.util.Set;

/** The kernels of one name, one for each element type that it is made for. */
final class KernelFamily {
  private final String name;
  private final Map<DType, Kernel> byType = new EnumMap<>(DType.class);

  /** Resolves {@code adj_<name>_<dtype>} for every one of {@code dtypes}. */
  KernelFamily(NativeLibrary library, String name, Set<DType> dtypes) {
    this.name = name;
    for (DType dtype : dtypes) {
      byType.put(dtype, library.kernel(name + "_" + dtype.suffix()));
    }
  }

  /**
   * The kernel for an element type.
   *
   * @throws TensorException if there is none
   */
  Kernel of(DType dtype) {
    Kernel kernel = byType.get(dtype);
    if (kernel == null) {
      throw new TensorException(name + ": there is no kernel for " + dtype);
    }
    return kernel;
  }
}
