package dev.adjoint.cuda;

import dev.adjoint.spi.ElementwiseKernels.Cast;
import dev.adjoint.spi.ElementwiseKernels.Unary;
import dev.adjoint.spi.ElementwiseKernels.Binary;
import dev.adjoint.spi.ElementwiseKernels.Fill;
import dev.adjoint.spi.ElementwiseKernels.BinaryScalar;
import dev.adjoint.spi.Scratch;
import static java.util.Locale.ROOT;

import dev.adjoint.DType;
import dev.adjoint.Precision;
import dev.adjoint.Shape;
import dev.adjoint.TensorException;
import dev.adjoint.cuda.CuBlas.Factor;
import dev.adjoint.cuda.CuBlas.Numbers;
import dev.adjoint.cuda.CuBlas.Product;
import dev.adjoint.cuda.CuBlasLt.Epilogue;
import dev.adjoint.spi.BinaryFunction;
import dev.adjoint.spi.ElementwiseKernels;
import dev.adjoint.spi.Gemm;
import dev.adjoint.spi.Iteration;
import dev.adjoint.spi.Layout;
import dev.adjoint.spi.UnaryFunction;
import dev.adjoint.spi.View;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Matrix products by cuBLAS, which is column-major: it gets the product of the transposes, {@code
 * outᵀ = bᵀ × aᵀ}. A factor whose strides it cannot take is first copied into scratch; so is one in
 * float32 whose product is of bfloat16, rounded. Bias and activation are epilogues of cublasLt
 * where it has them, else element-wise kernels: it has only GELU's tanh form, and no SiLU.
 */
final class CudaGemm {
  private static final Factor NOWHERE = new Factor(0, false, 0, 0);

  private final CudaDevice device;
  private final CudaElementwise elementwise;

  CudaGemm(CudaDevice device, CudaElementwise elementwise) {
    this.device = device;
    this.elementwise = elementwise;
  }

  CudaCall call(Gemm spec, Scratch scratch) {
    return new CudaCall(name(spec), device, steps(spec, scratch));
  }

  private static View taken(Scratch scratch, DType dtype, Shape shape) {
    return new View(scratch.take(shape.numel() * dtype.bytes()), Layout.contiguous(shape), dtype);
  }

  /** Scratch with rows that begin where products can load a whole packet. */
  private static View takenRows(Scratch scratch, DType dtype, Shape shape) {
    int last = shape.rank() - 1;
    View all = taken(scratch, dtype, Layout.withGaps(shape, Grid.packet(dtype.bytes())));
    return all.with(all.layout().slice(last, 0, shape.size(last), 1));
  }

  private List<CudaCall.Step> steps(Gemm spec, Scratch scratch) {
    List<CudaCall.Step> steps = new ArrayList<>();
    if (spec.out().numel() > 0) {
      View a = factor(spec, spec.a(), scratch, steps);
      View b = factor(spec, spec.b(), scratch, steps);
      if (!addWhole(spec, a, b, scratch, steps)) {
        addPiecewise(spec, a, b, scratch, steps);
      }
    }
    return steps;
  }

  /** The factor as cuBLAS can take it, copied if need be: in the order in which it lies. */
  private View factor(Gemm spec, View factor, Scratch scratch, List<CudaCall.Step> steps) {
    DType dtype = spec.precision() == Precision.BF16 ? DType.BF16 : factor.dtype();
    if (factor.dtype() == dtype && Matrix.of(factor.layout()) != null) {
      return factor;
    }
    Layout source = distinct(factor.layout());
    int last = source.rank() - 1;
    boolean columnsDense = Math.abs(source.stride(last - 1)) < Math.abs(source.stride(last));
    Layout read = columnsDense ? source.transpose(last - 1, last) : source;
    View copy = takenRows(scratch, dtype, read.shape());
    addAll(steps, Cast.of(factor.with(read), copy));
    Layout copied = columnsDense ? copy.layout().transpose(last - 1, last) : copy.layout();
    return copy.with(copied.expand(factor.layout().shape()));
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

  /** The product with all that comes after it as one step of cublasLt; false if it has none. */
  private boolean addWhole(Gemm spec, View a, View b, Scratch scratch, List<CudaCall.Step> steps) {
    Epilogue epilogue = epilogue(spec);
    Factor before = spec.before() == null ? NOWHERE : factor(spec.before(), 0);
    return epilogue != null
        && isAligned(before)
        && addFused(spec, a, b, spec.out(), epilogue, before, scratch, steps);
  }

  /** Null if there is none that does all, or if there is nothing to do. */
  private static @Nullable Epilogue epilogue(Gemm spec) {
    boolean withBias = spec.bias() != null;
    if (spec.activation() == null) {
      return withBias ? Epilogue.BIAS : null;
    }
    if (spec.activation() != UnaryFunction.GELU_TANH) {
      return null;
    }
    if (spec.before() == null) {
      return withBias ? Epilogue.GELU_TANH_BIAS : Epilogue.GELU_TANH;
    }
    return withBias ? Epilogue.KEPT_GELU_TANH_BIAS : Epilogue.KEPT_GELU_TANH;
  }

  /** As cublasLt demands of the memory where it keeps what an activation gets. */
  private static boolean isAligned(Factor before) {
    return before.leading() % 8 == 0 && before.address() % 16 == 0;
  }

  /**
   * The product as one step of cublasLt; false if it has none: it wants a single product, beta = 0,
   * and the bias in the result's type.
   */
  private boolean addFused(
      Gemm spec,
      View a,
      View b,
      View out,
      Epilogue epilogue,
      Factor before,
      Scratch scratch,
      List<CudaCall.Step> steps) {
    CuBlasLt lt = device.blasLt();
    if (lt == null || spec.beta() != 0 || spec.a().numel() == 0 || out.dtype() == DType.F64) {
      return false;
    }
    List<Product> products = products(spec, a, b, out);
    if (products.size() > 1 || products.getFirst().count() > 1) {
      return false;
    }
    List<CudaCall.Step> rounding = new ArrayList<>();
    View bias = spec.bias();
    long address = bias == null ? 0 : converted(bias, out.dtype(), scratch, rounding).address();
    CudaCall.Step fused = lt.fused(products.getFirst(), epilogue, address, before);
    if (fused == null) {
      return false;
    }
    steps.addAll(rounding);
    steps.add(fused);
    return true;
  }

  private View converted(View dense, DType dtype, Scratch scratch, List<CudaCall.Step> steps) {
    if (dense.dtype() == dtype) {
      return dense;
    }
    View copy = taken(scratch, dtype, dense.layout().shape());
    addAll(steps, Cast.of(dense, copy));
    return copy;
  }

  /**
   * The product, then bias and activation as kernels; in float32 until the last, where the result
   * has 16 bits.
   */
  private void addPiecewise(Gemm spec, View a, View b, Scratch scratch, List<CudaCall.Step> steps) {
    View out = spec.out();
    View before = spec.before();
    UnaryFunction activation = spec.activation();
    boolean more = spec.bias() != null || activation != null || spec.a().numel() == 0;
    boolean wide = out.dtype().isHalf() && more;
    View sums =
        wide ? taken(scratch, DType.F32, out.layout().shape()) : before == null ? out : before;
    if (wide && spec.beta() != 0) {
      addAll(steps, Cast.of(out, sums));
    }
    addSums(spec, a, b, sums, scratch, steps);
    if (wide && before != null) {
      addAll(steps, Cast.of(sums, before));
    }
    if (activation != null) {
      addAll(steps, new Unary(activation, sums, wide ? sums : out));
    }
    if (wide) {
      addAll(steps, Cast.of(sums, out));
    }
  }

  /** All but the activation. */
  private void addSums(
      Gemm spec, View a, View b, View sums, Scratch scratch, List<CudaCall.Step> steps) {
    View bias = spec.bias();
    if (bias != null && addFused(spec, a, b, sums, Epilogue.BIAS, NOWHERE, scratch, steps)) {
      return;
    }
    if (spec.a().numel() == 0) {
      addAll(steps, scaled(spec, sums)); // a sum of nothing
    } else {
      steps.addAll(products(spec, a, b, sums));
    }
    if (bias != null) {
      View row = converted(bias, sums.dtype(), scratch, steps);
      View repeated = row.with(row.layout().expand(sums.layout().shape()));
      addAll(steps, new Binary(BinaryFunction.ADD, sums, repeated, sums));
    }
  }

  private static String name(Gemm spec) {
    UnaryFunction activation = spec.activation();
    return "gemm_"
        + (activation == null ? "" : activation.symbol() + "_")
        + (spec.precision() == Precision.F32 ? "" : spec.precision().name().toLowerCase(ROOT) + "_")
        + spec.out().dtype().suffix();
  }

  private void addAll(List<CudaCall.Step> steps, ElementwiseKernels kernel) {
    steps.addAll(elementwise.call(kernel).steps());
  }

  private static ElementwiseKernels scaled(Gemm spec, View target) {
    return spec.beta() == 0
        ? new Fill(target, 0)
        : new BinaryScalar(BinaryFunction.MUL, target, target, spec.beta(), false);
  }

  /** One product for all of the batch's longest loop, repeated over the other loops. */
  private static List<Product> products(Gemm spec, View a, View b, View target) {
    Layout out = target.layout();
    int row = out.rank() - 2;
    long[] loops =
        row == 0
            ? new long[] {1, 1, 0, 0, 0}
            : Iteration.pack(0, batch(a.layout()), batch(b.layout()), batch(out));
    int depth = (int) loops[0];
    int longest = 1;
    for (int loop = 2; loop <= depth; loop++) {
      longest = loops[loop] > loops[longest] ? loop : longest;
    }
    Product first =
        new Product(
            numbers(spec, a, target),
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

  private static Numbers numbers(Gemm spec, View factor, View target) {
    return switch (factor.dtype()) {
      case F64 -> Numbers.F64;
      case BF16 -> target.dtype() == DType.BF16 ? Numbers.BF16 : Numbers.BF16_TO_F32;
      case F16 -> target.dtype() == DType.F16 ? Numbers.F16 : Numbers.F16_TO_F32;
      default -> spec.precision() == Precision.TF32 ? Numbers.TF32 : Numbers.F32;
    };
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

  /**
   * The last two dimensions as cuBLAS takes them: seen column-major, the matrix is the transpose of
   * what Java means.
   *
   * @param transposed whether that transpose is transposed in memory, that is, column-major in Java
   * @param leading the distance between what lies dense
   */
  record Matrix(boolean transposed, int leading) {
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
