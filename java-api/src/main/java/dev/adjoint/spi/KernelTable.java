package dev.adjoint.spi;

import static dev.adjoint.DType.BOOL;
import static dev.adjoint.DType.F32;
import static dev.adjoint.DType.F64;
import static dev.adjoint.DType.I32;
import static dev.adjoint.DType.I64;

import dev.adjoint.DType;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;

/**
 * The kernels that every compiled backend has, resolved by name when it is loaded: what is missing
 * shows then, not in the middle of a training run. Matrix products are each backend's own matter.
 *
 * @param <K> what a backend knows of a kernel: its address, say
 */
public final class KernelTable<K> {
  /** The floating types that every backend computes. */
  public static final Set<DType> FLOATING = Set.of(F32, F64);

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

  /** By the 16-bit type that is summed. */
  public final KernelFamily<K> reduceSumToF32;

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
   * @param floating the floating types that the backend {@linkplain Backend#computes computes}
   */
  public KernelTable(Function<String, K> kernels, Set<DType> floating) {
    this.kernels = kernels;
    Set<DType> halves = EnumSet.copyOf(floating);
    halves.removeAll(FLOATING);

    unary = byEnum(UnaryKernel.class, k -> family(k.symbol(), floating));
    unaryGrad =
        byEnum(
            UnaryKernel.class,
            k ->
                family(
                    k.symbol() + "_grad",
                    k.saves() == UnaryKernel.Saves.OUTPUT ? FLOATING : floating));
    Function<BinaryKernel, Set<DType>> operands = k -> operandsOf(k, floating);
    binary = byEnum(BinaryKernel.class, k -> family(k.symbol(), operands.apply(k)));
    binaryScalar =
        byEnum(BinaryKernel.class, k -> family(k.symbol() + "_scalar", operands.apply(k)));
    where = family("where", ALL);
    copy = family("copy", ALL);
    castFrom = byEnum(DType.class, from -> family("cast_" + from.suffix(), othersThan(from)));
    fill = family("fill", ALL);

    reduce =
        byEnum(ReduceKernel.class, k -> family("reduce_" + k.symbol(), reducible(k, floating)));
    reduceSumToF32 = family("reduce_sum_f32", halves);
    argmax = family("argmax", with(floating, I64));
    sumSquares = family("sum_squares", FLOATING);

    softmax = family("softmax", floating);
    softmaxGrad = family("softmax_grad", FLOATING);
    logSoftmax = family("log_softmax", floating);
    logSoftmaxGrad = family("log_softmax_grad", FLOATING);
    layerNorm = family("layer_norm", floating);
    layerNormGrad = family("layer_norm_grad", floating);
    rmsNorm = family("rms_norm", floating);
    rmsNormGrad = family("rms_norm_grad", floating);

    crossEntropy = family("cross_entropy", floating);
    crossEntropyGrad = family("cross_entropy_grad", floating);

    attention = family("attention", floating);
    attentionGrad = family("attention_grad", floating);

    gather = kernels.apply("gather");
    scatterAdd = family("scatter_add", FLOATING);

    nextKey = kernels.apply("next_key");
    uniform = family("uniform", FLOATING);
    normal = family("normal", FLOATING);
    dropout = family("dropout", floating);

    sgd = family("sgd", FLOATING);
    adamW = family("adamw", FLOATING);
    scale = family("scale", FLOATING);
  }

  /**
   * The types that a reduction exists for.
   *
   * @param floating the floating types that the backend computes
   */
  public static Set<DType> reducible(ReduceKernel kernel, Set<DType> floating) {
    return kernel == ReduceKernel.MEAN ? floating : with(floating, I64);
  }

  private static Set<DType> operandsOf(BinaryKernel kernel, Set<DType> floating) {
    if (kernel == BinaryKernel.EQ || kernel == BinaryKernel.NE) {
      return with(floating, I32, I64, BOOL);
    }
    return kernel.floatingOnly() ? floating : with(floating, I32, I64);
  }

  private static Set<DType> with(Set<DType> floating, DType... others) {
    Set<DType> all = EnumSet.copyOf(floating);
    all.addAll(List.of(others));
    return all;
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
