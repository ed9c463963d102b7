package dev.adjoint.spi;

import static dev.adjoint.DType.BOOL;
import static dev.adjoint.DType.F32;
import static dev.adjoint.DType.F64;
import static dev.adjoint.DType.I32;
import static dev.adjoint.DType.I64;

import dev.adjoint.DType;
import java.util.EnumSet;
import java.util.Set;
import java.util.function.Function;

/**
 * The kernels that every compiled backend has, resolved by name when it is loaded: what is missing
 * shows then, not in the middle of a training run. Matrix products are each backend's own matter.
 *
 * @param <K> what a backend knows of a kernel: its address, say
 */
public final class KernelTable<K> {
  /** The types that products, norms, losses and random numbers exist for. */
  public static final Set<DType> FLOATING = Set.of(F32, F64);

  private static final Set<DType> WIDE = Set.of(F32, F64, I64);
  private static final Set<DType> NUMBERS = Set.of(F32, F64, I32, I64);
  private static final Set<DType> COMPARABLE = Set.of(F32, F64, I32, I64, BOOL);
  private static final Set<DType> ALL = Set.of(DType.values());

  private final Function<String, K> kernels;

  public final KernelFamily.ByEnum<UnaryKernel, K> unary;
  public final KernelFamily.ByEnum<UnaryKernel, K> unaryGrad;
  public final KernelFamily.ByEnum<BinaryKernel, K> binary;
  public final KernelFamily.ByEnum<BinaryKernel, K> binaryScalar;
  public final KernelFamily<K> where;
  public final KernelFamily<K> copy;

  /** By the type cast from, then the type cast to, another one. */
  public final KernelFamily.ByEnum<DType, K> castFrom;

  public final KernelFamily<K> fill;

  public final KernelFamily.ByEnum<ReduceKernel, K> reduce;
  public final KernelFamily<K> argmax;
  public final KernelFamily<K> sumSquares;

  public final KernelFamily<K> softmax;
  public final KernelFamily<K> softmaxGrad;
  public final KernelFamily<K> logSoftmax;
  public final KernelFamily<K> logSoftmaxGrad;
  public final KernelFamily<K> layerNorm;
  public final KernelFamily<K> layerNormGrad;
  public final KernelFamily<K> rmsNorm;
  public final KernelFamily<K> rmsNormGrad;

  public final KernelFamily<K> crossEntropy;
  public final KernelFamily<K> crossEntropyGrad;

  public final KernelFamily<K> attention;
  public final KernelFamily<K> attentionGrad;

  public final K gather;
  public final KernelFamily<K> scatterAdd;

  public final K nextKey;
  public final KernelFamily<K> uniform;
  public final KernelFamily<K> normal;
  public final KernelFamily<K> dropout;

  public final KernelFamily<K> sgd;
  public final KernelFamily<K> adamW;
  public final KernelFamily<K> scale;

  /**
   * Resolves every kernel.
   *
   * @param kernels finds a kernel by its name; throws, naming it, if there is none
   */
  public KernelTable(Function<String, K> kernels) {
    this.kernels = kernels;

    unary = byEnum(UnaryKernel.class, k -> family(k.symbol(), FLOATING));
    unaryGrad = byEnum(UnaryKernel.class, k -> family(k.symbol() + "_grad", FLOATING));
    binary = byEnum(BinaryKernel.class, k -> family(k.symbol(), dtypesOf(k)));
    binaryScalar = byEnum(BinaryKernel.class, k -> family(k.symbol() + "_scalar", dtypesOf(k)));
    where = family("where", ALL);
    copy = family("copy", ALL);
    castFrom = byEnum(DType.class, from -> family("cast_" + from.suffix(), othersThan(from)));
    fill = family("fill", ALL);

    reduce =
        byEnum(
            ReduceKernel.class,
            k -> family("reduce_" + k.symbol(), k == ReduceKernel.MEAN ? FLOATING : WIDE));
    argmax = family("argmax", WIDE);
    sumSquares = family("sum_squares", FLOATING);

    softmax = family("softmax", FLOATING);
    softmaxGrad = family("softmax_grad", FLOATING);
    logSoftmax = family("log_softmax", FLOATING);
    logSoftmaxGrad = family("log_softmax_grad", FLOATING);
    layerNorm = family("layer_norm", FLOATING);
    layerNormGrad = family("layer_norm_grad", FLOATING);
    rmsNorm = family("rms_norm", FLOATING);
    rmsNormGrad = family("rms_norm_grad", FLOATING);

    crossEntropy = family("cross_entropy", FLOATING);
    crossEntropyGrad = family("cross_entropy_grad", FLOATING);

    attention = family("attention", FLOATING);
    attentionGrad = family("attention_grad", FLOATING);

    gather = kernels.apply("gather");
    scatterAdd = family("scatter_add", FLOATING);

    nextKey = kernels.apply("next_key");
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
    Set<DType> others = EnumSet.allOf(DType.class);
    others.remove(dtype);
    return others;
  }

  private KernelFamily<K> family(String name, Set<DType> dtypes) {
    return new KernelFamily<>(kernels, name, dtypes);
  }

  private static <E extends Enum<E>, K> KernelFamily.ByEnum<E, K> byEnum(
      Class<E> constants, Function<E, KernelFamily<K>> family) {
    return new KernelFamily.ByEnum<>(constants, family);
  }
}
