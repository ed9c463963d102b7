package dev.adjoint.cuda;

import static java.util.Locale.ROOT;

import dev.adjoint.DType;
import dev.adjoint.Precision;
import dev.adjoint.Shape;
import dev.adjoint.TensorException;
import dev.adjoint.cuda.CuBlas.Factor;
import dev.adjoint.cuda.CuBlas.Numbers;
import dev.adjoint.cuda.CuBlas.Product;
import dev.adjoint.cuda.CuBlasLt.Epilogue;
import dev.adjoint.spi.BinaryKernel;
import dev.adjoint.spi.ElementwiseKernels;
import dev.adjoint.spi.Gemm;
import dev.adjoint.spi.GemmKernels;
import dev.adjoint.spi.Iteration;
import dev.adjoint.spi.KernelCall;
import dev.adjoint.spi.Layout;
import dev.adjoint.spi.Memory;
import dev.adjoint.spi.UnaryKernel;
import dev.adjoint.spi.View;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Matrix products by cuBLAS, which is column-major: it gets the product of the transposes, {@code
 * outᵀ = bᵀ × aᵀ}. A factor whose strides it cannot take is first copied into scratch; in BF16
 * every factor is, rounded. Bias and activation are epilogues of cublasLt where it has them, else
 * element-wise kernels: it has only GELU's tanh form, and no SiLU.
 */
final class CudaGemm implements GemmKernels {
  private static final long ALIGNMENT = 256;
  private static final Factor NOWHERE = new Factor(0, false, 0, 0);

  private final CudaDevice device;
  private final ElementwiseKernels elementwise;

  CudaGemm(CudaDevice device, ElementwiseKernels elementwise) {
    this.device = device;
    this.elementwise = elementwise;
  }

  @Override
  public long gemmScratchBytes(Gemm spec) {
    return copyBytes(spec, spec.a()) + copyBytes(spec, spec.b());
  }

  private static long copyBytes(Gemm spec, View factor) {
    if (!needsCopy(spec, factor)) {
      return 0;
    }
    long bytes = distinct(factor.layout()).numel() * copyType(spec).bytes();
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }

  private static boolean inBf16(Gemm spec) {
    return spec.precision() == Precision.BF16;
  }

  private static boolean needsCopy(Gemm spec, View factor) {
    return inBf16(spec) || Matrix.of(factor.layout()) == null;
  }

  private static DType copyType(Gemm spec) {
    return inBf16(spec) ? DType.BF16 : spec.out().dtype();
  }

  /** Without the repetitions of a matrix that serves a whole batch. */
  private static Layout distinct(Layout matrices) {
    Layout layout = matrices;
    for (int d = 0; d < matrices.rank() - 2; d++) {
      if (matrices.stride(d) == 0 && matrices.size(d) > 1) {
        layout = layout.slice(d, 0, 1, 1);
      }
    }
    return layout;
  }

  @Override
  public KernelCall gemm(Gemm spec, Memory scratch) {
    List<CudaCall.Step> steps = new ArrayList<>();
    if (spec.out().numel() > 0) {
      View target = spec.before() == null ? spec.out() : spec.before();
      if (spec.a().numel() == 0) {
        addAll(steps, scaled(spec, target)); // a sum of nothing
        addBias(spec, target, steps);
        addActivation(spec, target, steps);
      } else {
        View a = factor(spec, spec.a(), scratch.address(), steps);
        View b = factor(spec, spec.b(), scratch.address() + copyBytes(spec, spec.a()), steps);
        addProducts(spec, products(spec, a, b, target), target, steps);
      }
    }
    return new CudaCall(name(spec), device, steps);
  }

  /** The products with what comes after them, fused as far as cublasLt can do it. */
  private void addProducts(
      Gemm spec, List<Product> products, View target, List<CudaCall.Step> steps) {
    CuBlasLt lt = device.blasLt();
    View bias = spec.bias();
    Product only = products.getFirst();
    boolean fusible =
        lt != null
            && products.size() == 1
            && only.count() == 1
            && only.beta() == 0
            && only.numbers() != Numbers.F64;
    if (fusible && spec.activation() == UnaryKernel.GELU_TANH) {
      Factor before = spec.before() == null ? NOWHERE : factor(spec.before(), 0);
      Product whole = only.into(factor(spec.out(), 0));
      CudaCall.Step step = isAligned(before) ? fused(lt, whole, gelu(spec), bias, before) : null;
      if (step != null) {
        steps.add(step);
        return;
      }
    }
    CudaCall.Step sum =
        fusible && bias != null ? fused(lt, only, Epilogue.BIAS, bias, NOWHERE) : null;
    if (sum != null) {
      steps.add(sum);
    } else {
      steps.addAll(products);
      addBias(spec, target, steps);
    }
    addActivation(spec, target, steps);
  }

  private static CudaCall.@Nullable Step fused(
      @Nullable CuBlasLt lt,
      Product product,
      Epilogue epilogue,
      @Nullable View bias,
      Factor before) {
    return lt == null
        ? null
        : lt.fused(product, epilogue, bias == null ? 0 : bias.address(), before);
  }

  private static Epilogue gelu(Gemm spec) {
    if (spec.before() == null) {
      return spec.bias() == null ? Epilogue.GELU_TANH : Epilogue.GELU_TANH_BIAS;
    }
    return spec.bias() == null ? Epilogue.KEPT_GELU_TANH : Epilogue.KEPT_GELU_TANH_BIAS;
  }

  /** As cublasLt demands of the memory where it keeps what an activation gets. */
  private static boolean isAligned(Factor before) {
    return before.leading() % 8 == 0 && before.address() % 16 == 0;
  }

  private static String name(Gemm spec) {
    UnaryKernel activation = spec.activation();
    return "gemm_"
        + (activation == null ? "" : activation.symbol() + "_")
        + (spec.precision() == Precision.F32 ? "" : spec.precision().name().toLowerCase(ROOT) + "_")
        + spec.out().dtype().suffix();
  }

  private static void addAll(List<CudaCall.Step> steps, KernelCall call) {
    steps.addAll(((CudaCall) call).steps());
  }

  private KernelCall scaled(Gemm spec, View target) {
    return spec.beta() == 0
        ? elementwise.fill(target, 0)
        : elementwise.binaryScalar(BinaryKernel.MUL, target, spec.beta(), false, target);
  }

  /** The factor as cuBLAS can take it, copied to an address if need be. */
  private View factor(Gemm spec, View factor, long address, List<CudaCall.Step> steps) {
    if (!needsCopy(spec, factor)) {
      return factor;
    }
    View source = factor.with(distinct(factor.layout()));
    Shape shape = source.layout().shape();
    Memory memory = new Memory(address, copyBytes(spec, factor), MemorySegment.NULL);
    View copy = new View(memory, Layout.contiguous(shape), copyType(spec));
    addAll(steps, elementwise.cast(source, copy));
    return copy.with(copy.layout().expand(factor.layout().shape()));
  }

  /** One product for all of the batch's longest loop, repeated over the other loops. */
  private static List<Product> products(Gemm spec, View a, View b, View target) {
    Layout out = target.layout();
    int row = out.rank() - 2;
    Numbers numbers =
        target.dtype() == DType.F64
            ? Numbers.F64
            : switch (spec.precision()) {
              case F32 -> Numbers.F32;
              case TF32 -> Numbers.TF32;
              case BF16 -> Numbers.BF16;
            };
    long[] loops =
        row == 0
            ? new long[] {1, 1, 0, 0, 0}
            : Iteration.pack(new long[0], batch(a.layout()), batch(b.layout()), batch(out));
    int depth = (int) loops[0];
    int longest = 1;
    for (int loop = 2; loop <= depth; loop++) {
      longest = loops[loop] > loops[longest] ? loop : longest;
    }
    Product first =
        new Product(
            numbers,
            dimension(out.size(row + 1)),
            dimension(out.size(row)),
            dimension(a.layout().size(row + 1)),
            spec.alpha(),
            factor(b, loops[longest + 2 * depth]),
            factor(a, loops[longest + depth]),
            spec.beta(),
            factor(target, loops[longest + 3 * depth]),
            dimension(loops[longest]));
    List<Product> products = new ArrayList<>();
    long repetitions = 1;
    for (int loop = 1; loop <= depth; loop++) {
      repetitions *= loop == longest ? 1 : loops[loop];
    }
    for (long i = 0; i < repetitions; i++) {
      long[] at = {a.address(), b.address(), target.address()};
      long rest = i;
      for (int loop = depth; loop >= 1; loop--) {
        if (loop != longest) {
          long index = rest % loops[loop];
          rest /= loops[loop];
          at[0] += index * loops[loop + depth] * a.dtype().bytes();
          at[1] += index * loops[loop + 2 * depth] * b.dtype().bytes();
          at[2] += index * loops[loop + 3 * depth] * target.dtype().bytes();
        }
      }
      products.add(first.at(at[1], at[0], at[2]));
    }
    return products;
  }

  private static Layout batch(Layout matrices) {
    int last = matrices.rank() - 1;
    return matrices.select(last, 0).select(last - 1, 0);
  }

  private static Factor factor(View view, long stride) {
    Matrix matrix = Matrix.of(view.layout());
    if (matrix == null) {
      throw new IllegalArgumentException("gemm: the rows of " + view.layout() + " are not dense");
    }
    return new Factor(view.address(), matrix.transposed, matrix.leading, stride);
  }

  private static int dimension(long size) {
    if (size > Integer.MAX_VALUE) {
      throw new TensorException("matmul: cuBLAS takes no dimension of " + size + ", 2^31 or more");
    }
    return (int) size;
  }

  private void addBias(Gemm spec, View target, List<CudaCall.Step> steps) {
    View bias = spec.bias();
    if (bias != null) {
      View repeated = bias.with(bias.layout().expand(target.layout().shape()));
      addAll(steps, elementwise.binary(BinaryKernel.ADD, target, repeated, target));
    }
  }

  private void addActivation(Gemm spec, View target, List<CudaCall.Step> steps) {
    UnaryKernel activation = spec.activation();
    if (activation != null) {
      addAll(steps, elementwise.unary(activation, target, spec.out()));
    }
  }

  /**
   * The last two dimensions as cuBLAS takes them: seen column-major, the matrix is the transpose of
   * what Java means.
   *
   * @param transposed whether that transpose is transposed in memory, that is, column-major in Java
   * @param leading the distance between what lies dense
   */
  private record Matrix(boolean transposed, int leading) {
    /** Null if neither rows nor columns are dense and apart. */
    static @Nullable Matrix of(Layout layout) {
      int last = layout.rank() - 1;
      long rows = layout.size(last - 1);
      long cols = layout.size(last);
      long rowStride = layout.stride(last - 1);
      long colStride = layout.stride(last);
      Matrix dense = of(false, rows, cols, rowStride, colStride);
      return dense != null ? dense : of(true, cols, rows, colStride, rowStride);
    }

    /** With {@code count} vectors of {@code size} elements, if they are dense. */
    private static @Nullable Matrix of(
        boolean transposed, long count, long size, long stride, long step) {
      long leading = count == 1 ? Math.max(size, 1) : stride;
      boolean fits = (step == 1 || size == 1) && leading >= Math.max(size, 1);
      return fits && leading <= Integer.MAX_VALUE ? new Matrix(transposed, (int) leading) : null;
    }
  }
}
