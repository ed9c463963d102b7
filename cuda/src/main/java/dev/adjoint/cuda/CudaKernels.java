package dev.adjoint.cuda;

import dev.adjoint.spi.Kernel;
import dev.adjoint.spi.Symbol;
import dev.adjoint.spi.Symbols;
import java.util.EnumSet;
import dev.adjoint.DType;
import dev.adjoint.TensorException;
import dev.adjoint.spi.Reduction;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import jcuda.driver.CUmodule;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;

/** The kernels of one device, resolved by name when its module is loaded. */
final class CudaKernels {
  /** The floating types that kernels compute; of 16 bits in float32. */
  static final Set<DType> COMPUTED = Set.of(DType.F32, DType.F64, DType.BF16);

  private final Driver driver;
  private final CUmodule module;
  private final String image;
  private final Map<String, CudaKernel> byName = new HashMap<>();
  private final List<CudaKernel> byNumber = new ArrayList<>();
  private final Map<Symbol, CudaKernel> seam = new HashMap<>();
  private final Map<Integer, CudaKernel> transposes = new HashMap<>();

  /** Reductions of columns, a packet of them for each thread. */
  final KernelFamily.ByEnum<Reduction> reduceColumns;

  /** The same as sums in float32 of 16-bit elements. */
  final KernelFamily reduceColumnsSumToF32;

  /** Joins the parts of a reduction, by what it computes and the type of its result. */
  final KernelFamily.ByEnum<Reduction> reduceFinish;

  /** Takes the best of the parts of a row, by their type. */
  final KernelFamily argmaxFinish;

  final CudaKernel sumPartials;
  final KernelFamily normGradJoin;
  final CudaAttention.Variants attention;
  final CudaKernel countStep;

  /**
   * Resolves every kernel of the seam.
   *
   * @param module loaded in the current context
   * @param image where it comes from, for messages
   * @throws TensorException naming the first kernel that the module lacks
   */
  CudaKernels(Driver driver, CUmodule module, String image) {
    this.driver = driver;
    this.module = module;
    this.image = image;
    Kernel.symbols(COMPUTED).forEach(symbol -> seam.put(symbol, get(symbol.name())));
    for (int bytes = 1; bytes <= Long.BYTES; bytes *= 2) {
      transposes.put(bytes, get("transpose_" + bytes * Byte.SIZE));
    }
    this.reduceColumns = reductions("columns");
    this.reduceColumnsSumToF32 =
        new KernelFamily(this::get, "reduce_sum_f32_columns", Set.of(DType.BF16));
    this.reduceFinish = reductions("finish");
    this.argmaxFinish = new KernelFamily(this::get, "argmax_finish", reducible(Reduction.MAX));
    this.sumPartials = get("sum_partials");
    this.normGradJoin = new KernelFamily(this::get, "norm_grad_join", Symbols.FLOATING);
    this.attention = new CudaAttention.Variants(this);
    this.countStep = get("count_step");
  }

  /** A kernel for each reduction and type beside the one that every backend has. */
  private KernelFamily.ByEnum<Reduction> reductions(String what) {
    return new KernelFamily.ByEnum<>(
        Reduction.class,
        k -> new KernelFamily(this::get, "reduce_" + k.symbol() + "_" + what, reducible(k)));
  }

  /** The types that a reduction exists for. */
  private static Set<DType> reducible(Reduction kernel) {
    Set<DType> types = EnumSet.copyOf(COMPUTED);
    if (kernel != Reduction.MEAN) {
      types.add(DType.I64);
    }
    return types;
  }

  /**
   * The function that a kernel of the seam names.
   *
   * @throws TensorException if there is none
   */
  CudaKernel of(Kernel kernel) {
    CudaKernel function = seam.get(kernel.symbol());
    if (function == null) {
      throw new TensorException("cuda: there is no kernel " + kernel.symbol());
    }
    return function;
  }

  /** Copies transposed matrices of elements of so many bytes. */
  CudaKernel transpose(int bytes) {
    return Objects.requireNonNull(transposes.get(bytes));
  }

  /**
   * The kernel {@code adj_<name>}.
   *
   * @throws TensorException if the module does not have it, or it takes something else than one
   *     block of words
   */
  synchronized CudaKernel get(String name) {
    CudaKernel known = byName.get(name);
    if (known != null) {
      return known;
    }
    Handles.Function function = new Handles.Function();
    int result = JCudaDriver.cuModuleGetFunction(function, module, "adj_" + name);
    if (result == CUresult.CUDA_ERROR_NOT_FOUND) {
      throw new TensorException(
          "cuda: "
              + image
              + " lacks the kernel adj_"
              + name
              + "; use the kernels that were built together with this jar");
    }
    CudaErrors.check(result, "finding the kernel adj_" + name);
    long bytes = driver.parameterBytes(function.address());
    if (bytes == 0 || bytes % Long.BYTES != 0 || bytes > Driver.LARGEST_PARAMETER_BYTES) {
      throw new TensorException(
          "cuda: the kernel adj_" + name + " of " + image + " does not take one block of words");
    }
    CudaKernel kernel =
        new CudaKernel(name, function.address(), (int) (bytes / Long.BYTES), byNumber.size() + 1);
    byName.put(name, kernel);
    byNumber.add(kernel);
    return kernel;
  }

  /** The name of the kernel that wrote its number into the error word. */
  synchronized String nameOf(long number) {
    return number >= 1 && number <= byNumber.size()
        ? byNumber.get((int) number - 1).name()
        : "kernel " + number;
  }
}
