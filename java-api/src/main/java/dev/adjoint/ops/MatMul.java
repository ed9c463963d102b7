package dev.adjoint.ops;

import dev.adjoint.DType;
import dev.adjoint.DTypeMismatchException;
import dev.adjoint.Precision;
import dev.adjoint.Shape;
import dev.adjoint.ShapeMismatchException;
import dev.adjoint.Tensor;
import dev.adjoint.graph.Graph;
import dev.adjoint.graph.Saves;
import dev.adjoint.internal.Broadcasting;
import dev.adjoint.internal.Check;
import dev.adjoint.internal.Dispatch;
import dev.adjoint.internal.Tensors;
import dev.adjoint.spi.Gemm;
import dev.adjoint.spi.Layout;
import dev.adjoint.spi.UnaryFunction;
import dev.adjoint.spi.View;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Matrix products, of F32 as the {@link Precision} in force when they are made says. */
public final class MatMul {
  private MatMul() {}

  /**
   * {@code a × b} as PyTorch's matmul: […, M, K] × […, K, N] with broadcast batch dimensions; a
   * vector on the left counts as a row, on the right as a column, and that dimension disappears.
   *
   * @throws ShapeMismatchException if the inner dimensions differ
   */
  public static Tensor matmul(Tensor a, Tensor b) {
    return matmul(a, b, Precision.current());
  }

  /** The same with a precision of its own. */
  static Tensor matmul(Tensor a, Tensor b, Precision precision) {
    Check.alike("matmul", a, b);
    Check.floating("matmul", a);
    Check.rankAtLeast("matmul", a, 1);
    Check.rankAtLeast("matmul", b, 1);
    // Factors of BF16 are taken everywhere.
    if ((a.dtype() != DType.BF16 && widens(a))
        || (Halves.records(a, b) && isGradientInSteps(a, b))) {
      return Halves.widened(wide -> matmul(wide[0], wide[1]), a, b);
    }
    if (a.rank() == 1) {
      return Tensors.tidy(
          () ->
              Movement.squeeze(
                  matmul(Movement.unsqueeze(a, 0), b, precision), b.rank() == 1 ? 0 : -2));
    }
    if (b.rank() == 1) {
      return Tensors.tidy(
          () -> Movement.squeeze(matmul(a, Movement.unsqueeze(b, 1), precision), -1));
    }
    if (a.size(-1) != b.size(-2)) {
      throw mismatch("matmul", a, b);
    }
    return product(a, b, applied(precision, a), a.dtype());
  }

  /** Whether products of x must be widened. */
  private static boolean widens(Tensor x) {
    return Halves.widens(x, Gemm.class);
  }

  /** Whether a matrix serves several of the other factor: its gradient is a sum of products. */
  private static boolean isGradientInSteps(Tensor a, Tensor b) {
    return b.rank() > 2 && !(a.rank() > 2 && batch(a).equals(batch(b)));
  }

  /** The precision as far as the left factor's type goes along. */
  private static Precision applied(Precision precision, Tensor factor) {
    return switch (factor.dtype()) {
      case F32 -> precision;
      case BF16 -> Precision.BF16;
      default -> Precision.F32;
    };
  }

  private static ShapeMismatchException mismatch(String op, Tensor a, Tensor b) {
    String fix =
        a.size(-1) == b.size(-1)
            ? "; the second one transposed would fit"
            : a.size(-2) == b.size(-2) ? "; the first one transposed would fit" : "";
    return new ShapeMismatchException(
        op
            + ": inner dimensions differ: "
            + a.shape()
            + " × "
            + b.shape()
            + " ("
            + a.size(-1)
            + " vs "
            + b.size(-2)
            + ")"
            + fix);
  }

  /**
   * {@code x · weightᵀ + bias}: x is […, in], weight [out, in], bias [out] or null; the result […,
   * out]. All of one type; under {@link Precision#BF16} x and the result may be BF16, weight and
   * bias F32, and so are their gradients.
   *
   * @throws ShapeMismatchException if they do not fit
   * @throws DTypeMismatchException if the types do not
   */
  public static Tensor linear(Tensor x, Tensor weight, @Nullable Tensor bias) {
    return linear(x, weight, bias, null);
  }

  /** {@link #linear} and {@link Tensor#relu} in one kernel: the same values, rounded once. */
  public static Tensor linearRelu(Tensor x, Tensor weight, @Nullable Tensor bias) {
    return linear(x, weight, bias, UnaryFunction.RELU);
  }

  /** {@link #linear} and {@link Tensor#gelu} in one kernel: the same values, rounded once. */
  public static Tensor linearGelu(Tensor x, Tensor weight, @Nullable Tensor bias) {
    return linear(x, weight, bias, UnaryFunction.GELU);
  }

  /** {@link #linear} and {@link Tensor#geluTanh} in one kernel: the same values, rounded once. */
  public static Tensor linearGeluTanh(Tensor x, Tensor weight, @Nullable Tensor bias) {
    return linear(x, weight, bias, UnaryFunction.GELU_TANH);
  }

  /** {@link #linear} and {@link Tensor#silu} in one kernel: the same values, rounded once. */
  public static Tensor linearSilu(Tensor x, Tensor weight, @Nullable Tensor bias) {
    return linear(x, weight, bias, UnaryFunction.SILU);
  }

  /**
   * Recorded as the two operations that it replaces, the first with the sums that the kernel leaves
   * for it; so their gradients serve.
   */
  private static Tensor linear(
      Tensor x, Tensor weight, @Nullable Tensor bias, @Nullable UnaryFunction activation) {
    checkTypes(x, weight);
    Check.rankAtLeast("linear", x, 1);
    if (weight.rank() != 2 || x.size(-1) != weight.size(1)) {
      throw new ShapeMismatchException(
          "linear: the input "
              + x.shape()
              + " has "
              + x.size(-1)
              + " features, the weight "
              + weight.shape()
              + " is [out, in]"
              + (weight.rank() == 2 && x.size(-1) == weight.size(0)
                  ? "; the weight transposed would fit"
                  : ""));
    }
    if (bias != null) {
      Check.alike("linear", weight, bias);
      Check.shape("linear", "the bias", bias.shape(), Shape.of(weight.size(0)));
    }
    if (widens(x)) {
      return Halves.widened(wide -> linear(wide[0], wide[1], wide[2], activation), x, weight, bias);
    }
    Tensor in = Softmax.inRows(x);
    Tensor b = bias == null ? null : Movement.contiguous(bias);
    long[] sizes = x.shape().toArray();
    sizes[sizes.length - 1] = weight.size(0);
    Shape shape = Shape.of(sizes);
    Tensor out = Tensors.emptyRows(shape, x.dtype(), Tensors.context(x));
    Tensor before =
        activation != null && Graph.records(in, weight, b)
            ? Tensors.emptyRows(shape, x.dtype(), Tensors.context(x))
            : null;
    View vw = Tensors.view(weight);
    Precision precision = applied(Precision.current(), x);
    DType type = x.dtype();
    DType parameterType = weight.dtype();
    run(
        new Gemm(
            Softmax.rows(in),
            vw.with(vw.layout().transpose(0, 1)),
            Softmax.rows(out),
            before == null ? null : Softmax.rows(before),
            Tensors.viewOrNull(b),
            1,
            0,
            precision,
            activation),
        out,
        before,
        in,
        weight,
        b);
    Graph.record(
        "linear",
        before == null ? out : before,
        new Tensor[] {in, weight, b},
        new Tensor[] {in, weight},
        (g, saves) ->
            new Tensor[] {
              saves.needs(0) ? inputGrad(g, saves.get(1), precision, type) : null,
              saves.needs(1)
                  ? weightGrad(flat(g), flat(saves.get(0)), saves, precision, parameterType)
                  : null,
              saves.needs(2) ? type == parameterType ? g : Reductions.sumInF32(flat(g), 0) : null
            });
    if (activation != null && before != null) {
      Elementwise.record(activation, before, out);
      before.close();
    }
    if (in != x) {
      in.close();
    }
    if (b != null && b != bias) {
      b.close();
    }
    return out;
  }

  /** g·weight; the gradient of one example, a vector, counts as a row. */
  private static Tensor inputGrad(Tensor g, Tensor weight, Precision precision, DType type) {
    return g.rank() == 1
        ? Movement.squeeze(product(Movement.unsqueeze(g, 0), weight, precision, type), 0)
        : product(g, weight, precision, type);
  }

  /** gᵀ·x, or null where that has been added to the weight's gradient at once. */
  private static @Nullable Tensor weightGrad(
      Tensor g, Tensor x, Saves saves, Precision precision, DType type) {
    Tensor transposed = Movement.transpose(g, 0, 1);
    boolean added =
        saves.addTo(
            1,
            sum ->
                run(
                    new Gemm(
                        Tensors.view(transposed),
                        Tensors.view(x),
                        Tensors.view(sum),
                        null,
                        1,
                        1,
                        precision),
                    sum,
                    null,
                    transposed,
                    x,
                    null));
    return added ? null : product(transposed, x, precision, type);
  }

  /** […, C] as [rows, C]. */
  private static Tensor flat(Tensor x) {
    return x.rank() == 2 ? x : Movement.reshape(x, Tensors.rows(x), x.size(-1));
  }

  /** BF16 inputs go with F32 parameters where factors are rounded to BF16 anyway. */
  private static void checkTypes(Tensor x, Tensor weight) {
    Check.floating("linear", x);
    Check.sameDevice("linear", x, weight);
    if (x.dtype() == DType.BF16 && weight.dtype() == DType.F32) {
      if (Precision.current() != Precision.BF16) {
        throw new DTypeMismatchException(
            "linear: the input is BF16 "
                + x.shape()
                + ", the weight F32 "
                + weight.shape()
                + "; compute under Precision.BF16, or convert one with to(DType)");
      }
    } else {
      Check.sameDType("linear", x, weight);
    }
  }

  /** […, M, K] × […, K, N] as a type, inner dimensions checked, both of rank 2 or more. */
  private static Tensor product(Tensor a, Tensor b, Precision precision, DType type) {
    Shape batch = Broadcasting.shape("matmul", batch(a), batch(b));
    DType sums = Tensors.backend(a).has(Gemm.class, type) ? type : type.widened();
    Tensor wide = Tensors.empty(append(batch, a.size(-2), b.size(-1)), sums, Tensors.context(a));
    run(spec(a, b, wide, batch, precision), wide, null, a, b, null);
    Tensor out = Cast.to(wide, type);
    if (out != wide) {
      wide.close();
    }
    return Graph.record(
        "matmul",
        out,
        new Tensor[] {a, b},
        new Tensor[] {a, b},
        (g, saves) -> {
          Tensor left = saves.get(0);
          Tensor right = saves.get(1);
          return new Tensor[] {
            saves.needs(0)
                ? product(g, Movement.transpose(right, -1, -2), precision, left.dtype())
                : null,
            saves.needs(1) ? rightGrad(left, g, right, precision) : null
          };
        });
  }

  private static Gemm spec(Tensor a, Tensor b, Tensor out, Shape batch, Precision precision) {
    View va = Tensors.view(a);
    View vb = Tensors.view(b);
    View vo = Tensors.view(out);
    if (b.rank() == 2 && a.rank() > 2) {
      // One tall product instead of a batch of small ones with the same right factor.
      Layout tall = va.layout().reshape(Shape.of(Tensors.rows(a), a.size(-1)));
      if (tall != null) {
        return new Gemm(va.with(tall), vb, Softmax.rows(out), null, 1, 0, precision);
      }
    }
    return new Gemm(
        va.with(va.layout().expand(append(batch, a.size(-2), a.size(-1)))),
        vb.with(vb.layout().expand(append(batch, b.size(-2), b.size(-1)))),
        vo,
        null,
        1,
        0,
        precision);
  }

  private static void run(
      Gemm spec, Tensor out, @Nullable Tensor before, Tensor a, Tensor b, @Nullable Tensor bias) {
    if (before == null) {
      Dispatch.run(spec, out, a, b, bias);
    } else {
      Dispatch.runAll(spec, Arrays.asList(out, before), Arrays.asList(a, b, bias));
    }
  }

  /**
   * aᵀ·g, summed over the batch where b had none. A transposed factor gets its gradient laid out as
   * (gᵀ·a)ᵀ, so that the leaf behind the transposition can take it over without a copy.
   */
  private static Tensor rightGrad(Tensor a, Tensor g, Tensor right, Precision precision) {
    if (right.rank() > 2) {
      return product(Movement.transpose(a, -1, -2), g, precision, right.dtype());
    }
    Tensor rows = flat(a);
    Tensor grad = flat(g);
    return Tensors.layout(right).isContiguous()
        ? product(Movement.transpose(rows, 0, 1), grad, precision, right.dtype())
        : Movement.transpose(
            product(Movement.transpose(grad, 0, 1), rows, precision, right.dtype()), 0, 1);
  }

  private static Shape batch(Tensor x) {
    return Shape.of(Arrays.copyOf(x.shape().toArray(), x.rank() - 2));
  }

  private static Shape append(Shape batch, long rows, long cols) {
    long[] sizes = Arrays.copyOf(batch.toArray(), batch.rank() + 2);
    sizes[batch.rank()] = rows;
    sizes[batch.rank() + 1] = cols;
    return Shape.of(sizes);
  }
}
