package dev.adjoint.nativecpu;

import static dev.adjoint.DType.BOOL;
import static dev.adjoint.DType.F32;
import static dev.adjoint.DType.F64;
import static dev.adjoint.DType.I32;
import static dev.adjoint.DType.I64;
import static java.util.Objects.requireNonNull;

import dev.adjoint.DType;
import dev.adjoint.TensorException;
import dev.adjoint.spi.BinaryKernel;
import dev.adjoint.spi.ReduceKernel;
import dev.adjoint.spi.UnaryKernel;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * All kernels of one variant, resolved by name when it is loaded: what is missing shows then, not
 * in the middle of a training run.
 */
final class KernelLibrary {
  private static final Set<DType> FLOATING = EnumSet.of(F32, F64);
  private static final Set<DType> WIDE = EnumSet.of(F32, F64, I64);
  private static final Set<DType> NUMBERS = EnumSet.of(F32, F64, I32, I64);
  private static final Set<DType> COMPARABLE = EnumSet.of(F32, F64, I32, I64, BOOL);
  private static final Set<DType> ALL = EnumSet.allOf(DType.class);

  final String variant;
  final NativeLibrary library;

  final Families<UnaryKernel> unary;
  final Families<UnaryKernel> unaryGrad;
  final Families<BinaryKernel> binary;
  final Families<BinaryKernel> binaryScalar;
  final KernelFamily where;
  final KernelFamily copy;
  final Families<DType> castFrom;
  final KernelFamily fill;

  final Families<ReduceKernel> reduce;
  final KernelFamily argmax;
  final KernelFamily sumSquares;

  final Products gemm;
  final Products gemmInBf16;

  final KernelFamily softmax;
  final KernelFamily softmaxGrad;
  final KernelFamily logSoftmax;
  final KernelFamily logSoftmaxGrad;
  final KernelFamily layerNorm;
  final KernelFamily layerNormGrad;
  final KernelFamily rmsNorm;
  final KernelFamily rmsNormGrad;
  final KernelFamily normGradScratchBytes;

  final KernelFamily crossEntropy;
  final KernelFamily crossEntropyGrad;

  final KernelFamily attention;
  final KernelFamily attentionScratchBytes;
  final KernelFamily attentionGrad;
  final KernelFamily attentionGradScratchBytes;

  final Kernel gather;
  final KernelFamily scatterAdd;

  final Kernel nextKey;
  final KernelFamily uniform;
  final KernelFamily normal;
  final KernelFamily dropout;

  final KernelFamily sgd;
  final KernelFamily adamW;
  final KernelFamily scale;

  /**
   * Resolves every kernel.
   *
   * @param variant the instruction-set level that the library was compiled for
   * @throws TensorException naming the library and the first kernel that it lacks
   */
  KernelLibrary(String variant, NativeLibrary library) {
    this.variant = variant;
    this.library = library;

    unary = new Families<>(UnaryKernel.class, k -> family(k.symbol(), FLOATING));
    unaryGrad = new Families<>(UnaryKernel.class, k -> family(k.symbol() + "_grad", FLOATING));
    binary = new Families<>(BinaryKernel.class, k -> family(k.symbol(), dtypesOf(k)));
    binaryScalar =
        new Families<>(BinaryKernel.class, k -> family(k.symbol() + "_scalar", dtypesOf(k)));
    where = family("where", ALL);
    copy = family("copy", ALL);
    castFrom =
        new Families<>(DType.class, from -> family("cast_" + from.suffix(), othersThan(from)));
    fill = family("fill", ALL);

    reduce =
        new Families<>(
            ReduceKernel.class,
            k -> family("reduce_" + k.symbol(), k == ReduceKernel.MEAN ? FLOATING : WIDE));
    argmax = family("argmax", WIDE);
    sumSquares = family("sum_squares", FLOATING);

    gemm = new Products("", FLOATING);
    gemmInBf16 = new Products("_bf16", EnumSet.of(F32));

    softmax = family("softmax", FLOATING);
    softmaxGrad = family("softmax_grad", FLOATING);
    logSoftmax = family("log_softmax", FLOATING);
    logSoftmaxGrad = family("log_softmax_grad", FLOATING);
    layerNorm = family("layer_norm", FLOATING);
    layerNormGrad = family("layer_norm_grad", FLOATING);
    rmsNorm = family("rms_norm", FLOATING);
    rmsNormGrad = family("rms_norm_grad", FLOATING);
    normGradScratchBytes = family("norm_grad_scratch_bytes", FLOATING);

    crossEntropy = family("cross_entropy", FLOATING);
    crossEntropyGrad = family("cross_entropy_grad", FLOATING);

    attention = family("attention", FLOATING);
    attentionScratchBytes = family("attention_scratch_bytes", FLOATING);
    attentionGrad = family("attention_grad", FLOATING);
    attentionGradScratchBytes = family("attention_grad_scratch_bytes", FLOATING);

    gather = library.kernel("gather");
    scatterAdd = family("scatter_add", FLOATING);

    nextKey = library.kernel("next_key");
    uniform = family("uniform", FLOATING);
    normal = family("normal", FLOATING);
    dropout = family("dropout", FLOATING);

    sgd = family("sgd", FLOATING);
    adamW = family("adamw", FLOATING);
    scale = family("scale", FLOATING);
  }

  private static Set<DType> dtypesOf(BinaryKernel kernel) {
    if (kernel == BinaryKernel.EQ || kernel == BinaryKernel.NE) {
      return COMPARABLE;
    }
    return kernel.floatingOnly() ? FLOATING : NUMBERS;
  }

  private static Set<DType> othersThan(DType dtype) {
    Set<DType> others = EnumSet.copyOf(ALL);
    others.remove(dtype);
    return others;
  }

  private KernelFamily family(String name, Set<DType> dtypes) {
    return new KernelFamily(library, name, dtypes);
  }

  /** Matrix products of one precision, alone or with an activation at their end. */
  final class Products {
    private final KernelFamily alone;
    private final Families<UnaryKernel> activated;
    final KernelFamily scratchBytes;

    private Products(String precision, Set<DType> dtypes) {
      alone = family("gemm" + precision, dtypes);
      activated =
          new Families<>(UnaryKernel.class, k -> family("gemm_" + k.symbol() + precision, dtypes));
      scratchBytes = family("gemm_scratch_bytes" + precision, dtypes);
    }

    Kernel of(@Nullable UnaryKernel activation, DType dtype) {
      return activation == null ? alone.of(dtype) : activated.of(activation, dtype);
    }
  }

  /** One family for each constant of an enum. */
  static final class Families<K extends Enum<K>> {
    private final Map<K, KernelFamily> families;

    Families(Class<K> kernels, Function<K, KernelFamily> family) {
      families = new EnumMap<>(kernels);
      for (K kernel : EnumSet.allOf(kernels)) {
        families.put(kernel, family.apply(kernel));
      }
    }

    Kernel of(K kernel, DType dtype) {
      return requireNonNull(families.get(kernel)).of(dtype);
    }
  }
}
