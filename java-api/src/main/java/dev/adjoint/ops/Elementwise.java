package dev.adjoint.ops;

import dev.adjoint.spi.ElementwiseKernels.Unary;
import dev.adjoint.spi.ElementwiseKernels.UnaryGrad;
import dev.adjoint.spi.ElementwiseKernels.Binary;
import dev.adjoint.spi.ElementwiseKernels.BinaryScalar;
import dev.adjoint.spi.ElementwiseKernels.Where;
import dev.adjoint.spi.ElementwiseKernels.Fill;
import dev.adjoint.spi.ElementwiseKernels.Copy;
import dev.adjoint.DType;
import dev.adjoint.DTypeMismatchException;
import dev.adjoint.Shape;
import dev.adjoint.ShapeMismatchException;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import dev.adjoint.graph.Graph;
import dev.adjoint.internal.Broadcasting;
import dev.adjoint.internal.Check;
import dev.adjoint.internal.Dispatch;
import dev.adjoint.internal.TensorState;
import dev.adjoint.internal.Tensors;
import dev.adjoint.spi.BinaryFunction;
import dev.adjoint.spi.UnaryFunction;
import dev.adjoint.spi.View;
import org.jspecify.annotations.Nullable;

/** Functions of each element, with broadcasting. */
public final class Elementwise {
  private static final double TWO_OVER_SQRT_PI = 1.1283791670955126;
  private static final double SQRT_HALF = 0.7071067811865476;
  private static final double INV_SQRT_2PI = 0.3989422804014327;
  private static final double SQRT_2_OVER_PI = 0.7978845608028654;
  private static final double GELU_CUBIC = 0.044715;

  /** Beyond these the functions are 0 or x, in F64 too; infinities are cut down to them. */
  private static final double STRAIGHT_GELU = 32;

  private static final double STRAIGHT_SILU = 800;

  private Elementwise() {}

  // ---- functions of one variable ----

  /** {@code function(x)}, element by element; x is floating. */
  public static Tensor unary(UnaryFunction function, Tensor x) {
    Check.floating(function.symbol(), x);
    boolean fromOutput = function.saves() == UnaryFunction.Saves.OUTPUT;
    if (Halves.widens(x) || (Halves.records(x) && fromOutput)) {
      return Halves.widened(wide -> unary(function, wide[0]), x);
    }
    Tensor out = Tensors.emptyLike(x);
    Dispatch.run(new Unary(function, Tensors.view(x), Tensors.view(out)), out, x);
    return record(function, x, out);
  }

  /** Puts {@code out}, the function's value at {@code x}, into the graph. */
  static Tensor record(UnaryFunction function, Tensor x, Tensor out) {
    if (!Graph.records(x)) {
      return out;
    }
    Tensor[] saved =
        switch (function.saves()) {
          case NOTHING -> Graph.nothing();
          case INPUT -> new Tensor[] {x};
          case OUTPUT -> new Tensor[] {out};
        };
    return Graph.record(
        function.symbol(),
        out,
        new Tensor[] {x},
        saved,
        (grad, saves) -> {
          boolean none = function.saves() == UnaryFunction.Saves.NOTHING;
          return new Tensor[] {
            unaryGrad(function, grad, none ? grad : saves.get(0), saves.createGraph())
          };
        });
  }

  private static Tensor unaryGrad(
      UnaryFunction function, Tensor grad, Tensor saved, boolean createGraph) {
    if (createGraph) {
      return Cast.to(gradient(function, Halves.wide(grad), Halves.wide(saved)), grad.dtype());
    }
    if (Halves.widens(saved)) { // what a product left, which takes types that others do not
      Tensor wide = unaryGrad(function, Halves.wide(grad), Halves.wide(saved), false);
      return Cast.to(wide, grad.dtype());
    }
    Tensor out = Tensors.emptyLike(saved);
    View g = Tensors.view(grad);
    Dispatch.run(
        new UnaryGrad(function, g, Tensors.view(saved), Tensors.view(out)), out, grad, saved);
    return out;
  }

  /**
   * The gradient as a tensor expression, for gradients of gradients; {@code v} is x or y, as the
   * function saves. It has the kernels' formulas, so that nothing overflows or cancels where it
   * does not there; tests hold them to each other.
   */
  private static Tensor gradient(UnaryFunction function, Tensor g, Tensor v) {
    return switch (function) {
      case NEG -> g.neg();
      case ABS -> {
        Tensor sign = v.gt(0).to(v.dtype()).sub(v.lt(0).to(v.dtype()));
        yield g.mul(Tensor.where(v.eq(v), sign, v)); // NaN stays
      }
      case EXP -> g.mul(v);
      case LOG -> g.div(v);
      case SQRT -> g.mul(v.rdiv(0.5));
      case RSQRT -> g.mul(v.mul(-0.5)).mul(v).mul(v);
      case RECIPROCAL -> g.div(v).div(v).neg();
      case SQUARE -> g.mul(v).mul(2);
      case SIN -> g.mul(v.cos());
      case COS -> g.neg().mul(v.sin());
      case TANH -> g.mul(v.rsub(1).mul(v.add(1)));
      case SIGMOID -> g.mul(v.mul(v.rsub(1)));
      case ERF -> g.mul(v.square().neg().exp().mul(TWO_OVER_SQRT_PI));
      case RELU -> Tensor.where(v.le(0), zeroLike(g), g);
      case GELU -> {
        Tensor cdf = v.mul(SQRT_HALF).erf().add(1).mul(0.5);
        yield g.mul(cdf.add(v.mul(v.square().mul(-0.5).exp()).mul(INV_SQRT_2PI)));
      }
      case GELU_TANH -> {
        Tensor x = v.clamp(-STRAIGHT_GELU, STRAIGHT_GELU);
        Tensor u = x.add(x.mul(x).mul(x).mul(GELU_CUBIC)).mul(2 * SQRT_2_OVER_PI);
        Tensor slope = x.mul(x).mul(3 * GELU_CUBIC).add(1).mul(2 * SQRT_2_OVER_PI);
        yield g.mul(gateSlope(x, u, slope));
      }
      case SILU -> {
        Tensor x = v.clamp(-STRAIGHT_SILU, STRAIGHT_SILU);
        yield g.mul(gateSlope(x, x, null));
      }
    };
  }

  /**
   * The derivative of {@code x·σ(u)}, where u' is {@code slope}, or 1. Not with 1 − σ(u), which
   * cancels where σ is nearly 1.
   */
  private static Tensor gateSlope(Tensor x, Tensor u, @Nullable Tensor slope) {
    Tensor s = u.sigmoid();
    Tensor bend = x.mul(s).mul(u.neg().sigmoid());
    return s.add(slope == null ? bend : bend.mul(slope));
  }

  // ---- functions of two variables ----

  /** {@code function(a, b)} with broadcasting; BOOL for comparisons. */
  public static Tensor binary(BinaryFunction function, Tensor a, Tensor b) {
    if (Halves.widens(a) || (Halves.records(a, b) && isGradientInSteps(function, a, b))) {
      Check.alike(function.symbol(), a, b);
      return Halves.widened(wide -> binary(function, wide[0], wide[1]), a, b);
    }
    Tensor out = compute(function, a, b, null);
    if (function.isComparison() || !Graph.records(a, b)) {
      return out;
    }
    Tensor[] saved =
        switch (function) {
          case ADD, SUB -> Graph.nothing();
          case POW -> new Tensor[] {a, b, out};
          default -> new Tensor[] {a, b};
        };
    return Graph.record(
        function.symbol(),
        out,
        new Tensor[] {a, b},
        saved,
        (g, saves) -> {
          boolean toA = saves.needs(0);
          boolean toB = saves.needs(1);
          return switch (function) {
            case ADD -> new Tensor[] {g, g};
            case SUB -> new Tensor[] {g, toB ? g.neg() : null};
            case MUL ->
                new Tensor[] {toA ? g.mul(saves.get(1)) : null, toB ? g.mul(saves.get(0)) : null};
            case DIV ->
                new Tensor[] {
                  toA ? g.div(saves.get(1)) : null,
                  toB ? divisorGrad(g, saves.get(0), saves.get(1)) : null
                };
            case POW -> powGrad(g, saves.get(0), saves.get(1), saves.get(2), toA, toB);
            case MAXIMUM, MINIMUM -> {
              // Where both are equal each gets half, beside NaN both get all, as in PyTorch.
              Tensor x = saves.get(0);
              Tensor y = saves.get(1);
              Tensor shared = Tensor.where(x.eq(y), g.mul(0.5), g);
              Tensor zero = zeroLike(g);
              boolean larger = function == BinaryFunction.MAXIMUM;
              yield new Tensor[] {
                toA ? Tensor.where(larger ? x.lt(y) : x.gt(y), zero, shared) : null,
                toB ? Tensor.where(larger ? x.gt(y) : x.lt(y), zero, shared) : null
              };
            }
            default -> throw new IllegalStateException(function.symbol());
          };
        });
  }

  private static boolean isGradientInSteps(BinaryFunction function, Tensor a, Tensor b) {
    return switch (function) {
      case DIV, POW -> true;
      case MUL -> !a.shape().equals(b.shape()); // broadcast, so that products are summed
      default -> false;
    };
  }

  /**
   * −g·a/d². Gradients of quotients and powers are computed in F64: in F32 their parts would leave
   * the range before the whole does.
   */
  private static Tensor divisorGrad(Tensor g, Tensor a, Tensor d) {
    Tensor divisor = inF64(d);
    Tensor wide = inF64(g).div(divisor).mul(inF64(a).div(divisor)).neg();
    return Cast.to(wide, g.dtype());
  }

  private static Tensor inF64(Tensor x) {
    return Cast.to(x, DType.F64);
  }

  private static Tensor[] powGrad(
      Tensor g, Tensor base, Tensor exponent, Tensor power, boolean toBase, boolean toExponent) {
    Tensor wide = inF64(g);
    Tensor b = inF64(base);
    Tensor e = inF64(exponent);
    Tensor zero = zeroLike(wide);
    Tensor[] grads = new Tensor[2];
    if (toBase) {
      Tensor slope = wide.mul(e.mul(b.pow(e.sub(1))));
      grads[0] = Cast.to(Tensor.where(e.eq(0), zero, slope), g.dtype());
    }
    if (toExponent) {
      // 0^b is flat in b for b ≥ 0, where the logarithm is not defined.
      Tensor one = Tensor.full(Shape.scalar(), 1, DType.F64, g.device());
      Tensor flat = Tensor.where(e.ge(0), b, one).eq(0);
      Tensor log = Tensor.where(flat, one, b).log();
      grads[1] = Cast.to(Tensor.where(flat, zero, wide.mul(inF64(power).mul(log))), g.dtype());
    }
    return grads;
  }

  /** The gradient of {@code scalar / x} or of a power with a constant; see {@link #divisorGrad}. */
  private static Tensor gradWithScalar(
      BinaryFunction function, Tensor g, Tensor saved, double scalar, boolean scalarFirst) {
    Tensor wide = inF64(g);
    Tensor v = inF64(saved);
    double c = saved.dtype() == DType.F64 ? scalar : (float) scalar; // as the function had it
    if (function == BinaryFunction.DIV) {
      return Cast.to(wide.div(v).mul(v.rdiv(c)).neg(), g.dtype());
    }
    return Cast.to(wide.mul(scalarFirst ? v.mul(Math.log(c)) : v.pow(c - 1).mul(c)), g.dtype());
  }

  /** The scalar 0 of g's type and device. */
  private static Tensor zeroLike(Tensor g) {
    return Tensor.full(Shape.scalar(), 0, g.dtype(), g.device());
  }

  /** {@code function(x, scalar)}, or {@code function(scalar, x)} if {@code scalarFirst}. */
  public static Tensor binary(
      BinaryFunction function, Tensor x, double scalar, boolean scalarFirst) {
    boolean inSteps =
        function == BinaryFunction.POW || (function == BinaryFunction.DIV && scalarFirst);
    if (Halves.widens(x) || (Halves.records(x) && inSteps)) {
      return Halves.widened(wide -> binary(function, wide[0], scalar, scalarFirst), x);
    }
    Tensor out = compute(function, x, scalar, scalarFirst, null);
    if (function.isComparison() || !Graph.records(x)) {
      return out;
    }
    boolean linear =
        function == BinaryFunction.ADD
            || function == BinaryFunction.SUB
            || function == BinaryFunction.MUL
            || (function == BinaryFunction.DIV && !scalarFirst);
    Tensor[] saved =
        linear
            ? Graph.nothing()
            : function == BinaryFunction.POW && scalarFirst ? new Tensor[] {out} : new Tensor[] {x};
    return Graph.record(
        function.symbol(),
        out,
        new Tensor[] {x},
        saved,
        (g, saves) ->
            new Tensor[] {
              switch (function) {
                case ADD -> g;
                case SUB -> scalarFirst ? g.neg() : g;
                case MUL -> g.mul(scalar);
                case DIV ->
                    scalarFirst
                        ? gradWithScalar(function, g, saves.get(0), scalar, true)
                        : g.div(scalar);
                case POW -> {
                  if (scalar == 0) { // 0^x is flat for x ≥ 0, and so is x^0
                    yield g.zerosLike();
                  }
                  yield scalar == 2 && !scalarFirst
                      ? g.mul(saves.get(0)).mul(2)
                      : gradWithScalar(function, g, saves.get(0), scalar, scalarFirst);
                }
                case MAXIMUM, MINIMUM -> {
                  // A bound, not a rival: at the bound x gets all, as in PyTorch's clamp.
                  Tensor v = saves.get(0);
                  Tensor inside = function == BinaryFunction.MAXIMUM ? v.ge(scalar) : v.le(scalar);
                  yield Tensor.where(inside, g, zeroLike(g));
                }
                default -> throw new IllegalStateException(function.symbol());
              }
            });
  }

  private static Tensor compute(
      BinaryFunction function, Tensor a, Tensor b, @Nullable Tensor into) {
    String op = function.symbol();
    Check.alike(op, a, b);
    checkType(function, a);
    Shape shape = Broadcasting.shape(op, a.shape(), b.shape());
    Tensor out =
        into != null
            ? into
            : Tensors.empty(
                shape, function.isComparison() ? DType.BOOL : a.dtype(), Tensors.context(a));
    Dispatch.run(
        new Binary(function, expanded(a, shape), expanded(b, shape), Tensors.view(out)), out, a, b);
    return out;
  }

  private static Tensor compute(
      BinaryFunction function,
      Tensor x,
      double scalar,
      boolean scalarFirst,
      @Nullable Tensor into) {
    checkType(function, x);
    if (!x.dtype().isFloating()
        && scalar != (x.dtype() == DType.I32 ? (int) scalar : (long) scalar)) {
      throw new DTypeMismatchException(
          function.symbol()
              + ": the scalar "
              + scalar
              + " is not a value of the tensor's type "
              + x.dtype()
              + "; convert with to(DType.F64)");
    }
    Tensor out =
        into != null
            ? into
            : Tensors.empty(
                x.shape(), function.isComparison() ? DType.BOOL : x.dtype(), Tensors.context(x));
    Dispatch.run(
        new BinaryScalar(function, Tensors.view(x), Tensors.view(out), scalar, scalarFirst),
        out,
        x);
    return out;
  }

  private static void checkType(BinaryFunction function, Tensor x) {
    boolean equality = function == BinaryFunction.EQ || function == BinaryFunction.NE;
    if (function.floatingOnly() || (x.dtype() == DType.BOOL && !equality)) {
      Check.floating(function.symbol(), x);
    }
  }

  private static View expanded(Tensor x, Shape shape) {
    View view = Tensors.view(x);
    return view.layout().shape().equals(shape) ? view : view.with(view.layout().expand(shape));
  }

  // ---- choice ----

  /**
   * {@code condition ? a : b}, element by element, with broadcasting; the condition is BOOL, a and
   * b of one type.
   */
  public static Tensor where(Tensor condition, Tensor a, Tensor b) {
    Check.dtype("where", "the condition", condition, DType.BOOL);
    Check.alike("where", a, b);
    Check.sameDevice("where", condition, a);
    Shape shape =
        Broadcasting.shape(
            "where", condition.shape(), Broadcasting.shape("where", a.shape(), b.shape()));
    Tensor out = Tensors.empty(shape, a.dtype(), Tensors.context(a));
    Dispatch.run(
        new Where(
            expanded(condition, shape), expanded(a, shape), expanded(b, shape), Tensors.view(out)),
        out,
        condition,
        a,
        b);
    if (!Graph.records(a, b)) {
      return out;
    }
    return Graph.record(
        "where",
        out,
        new Tensor[] {a, b},
        new Tensor[] {condition},
        (g, saves) -> {
          Tensor chosen = saves.get(0);
          Tensor zero = zeroLike(g);
          return new Tensor[] {
            saves.needs(0) ? where(chosen, g, zero) : null,
            saves.needs(1) ? where(chosen, zero, g) : null
          };
        });
  }

  // ---- in place ----

  /** {@code x = function(x, b)}; b broadcasts to x's shape. */
  public static Tensor inPlace(BinaryFunction function, Tensor x, Tensor b) {
    String op = function.symbol() + "_";
    Check.writable(op, x);
    if (!Broadcasting.fits(b.shape(), x.shape())) {
      throw new ShapeMismatchException(
          op
              + ": "
              + b.shape()
              + " does not broadcast to "
              + x.shape()
              + ", which is changed in place");
    }
    if (overlap(x, b)) {
      try (Tensor apart = Movement.copy(b)) {
        return inPlace(function, x, apart);
      }
    }
    if (!Graph.records(x, b)) {
      if (Halves.widens(x)) {
        return Tensors.tidy(() -> copyInPlace(x, binary(function, x, b)));
      }
      compute(function, x, b, x);
      Tensors.state(x).storage().bumpVersion();
      return x;
    }
    return Tensors.tidy(() -> rebase(x, binary(function, before(op, x), b)));
  }

  /** {@code x = function(x, scalar)}. */
  public static Tensor inPlace(BinaryFunction function, Tensor x, double scalar) {
    String op = function.symbol() + "_";
    Check.writable(op, x);
    if (!Graph.records(x)) {
      if (Halves.widens(x)) {
        return Tensors.tidy(() -> copyInPlace(x, binary(function, x, scalar, false)));
      }
      compute(function, x, scalar, false, x);
      Tensors.state(x).storage().bumpVersion();
      return x;
    }
    return Tensors.tidy(() -> rebase(x, binary(function, before(op, x), scalar, false)));
  }

  /** {@code x = value}, broadcast; the gradient of what x was is 0. */
  public static Tensor copyInPlace(Tensor x, Tensor value) {
    Check.writable("copy_", x);
    Check.alike("copy_", x, value);
    if (!Broadcasting.fits(value.shape(), x.shape())) {
      throw new ShapeMismatchException(
          "copy_: " + value.shape() + " does not broadcast to " + x.shape());
    }
    if (!Graph.records(x, value)) {
      write(x, value);
      return x;
    }
    checkRebase("copy_", x);
    return Tensors.tidy(() -> rebase(x, Movement.copy(Movement.expand(value, x.shape()))));
  }

  /** Every element of x = value. */
  public static Tensor fillInPlace(Tensor x, double value) {
    Check.writable("fill_", x);
    if (!Graph.records(x)) {
      Dispatch.run(new Fill(Tensors.view(x), value), x);
      Tensors.state(x).storage().bumpVersion();
      return x;
    }
    checkRebase("fill_", x);
    return rebase(x, Tensor.full(x.shape(), value, x.dtype(), x.device()));
  }

  private static void write(Tensor x, Tensor value) {
    if (overlap(x, value)) {
      try (Tensor apart = Movement.copy(value)) {
        write(x, apart);
        return;
      }
    }
    Dispatch.run(new Copy(expanded(value, x.shape()), Tensors.view(x)), x, value);
    Tensors.state(x).storage().bumpVersion();
  }

  /** Whether two tensors share memory otherwise than element on element. */
  private static boolean overlap(Tensor x, Tensor b) {
    return Tensors.state(x).storage() == Tensors.state(b).storage()
        && !Tensors.layout(x).equals(Tensors.layout(b));
  }

  /** What x was, as a value that the change in place does not touch. */
  private static Tensor before(String op, Tensor x) {
    checkRebase(op, x);
    return Movement.copy(x);
  }

  private static void checkRebase(String op, Tensor x) {
    if (x.isLeaf() && x.requiresGrad()) {
      throw new TensorException(
          op
              + ": a leaf that requires a gradient is changed in place; do it under GradMode.off(), or"
              + " compute a new tensor");
    }
    if (Tensors.state(x).storage().isAliased()) {
      throw new TensorException(
          op
              + ": this tensor "
              + x.shape()
              + " shares its memory with a view and is part of a graph; compute a new tensor, or"
              + " change a copy()");
    }
  }

  /** Gives x the value and the history of {@code result}. */
  private static Tensor rebase(Tensor x, Tensor result) {
    TensorState state = Tensors.state(x);
    TensorState replacement = Tensors.state(result);
    write(x, result);
    var node = replacement.node();
    if (node != null && !node.tryRetain()) {
      throw replacement.closedException();
    }
    state.setNode(node);
    result.close();
    return x;
  }
}
