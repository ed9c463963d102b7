package dev.adjoint;

import dev.adjoint.autograd.GradMode;
import dev.adjoint.graph.BackwardPass;
import dev.adjoint.graph.LeafNode;
import dev.adjoint.graph.Node;
import dev.adjoint.internal.Check;
import dev.adjoint.internal.Dropped;
import dev.adjoint.host.HostAccess;
import dev.adjoint.host.TensorPrinter;
import dev.adjoint.internal.TensorState;
import dev.adjoint.internal.Tensors;
import dev.adjoint.internal.ThreadState;
import dev.adjoint.ops.Attention;
import dev.adjoint.ops.Cast;
import dev.adjoint.ops.Elementwise;
import dev.adjoint.ops.Factories;
import dev.adjoint.ops.Indexing;
import dev.adjoint.ops.Losses;
import dev.adjoint.ops.MatMul;
import dev.adjoint.ops.Movement;
import dev.adjoint.ops.Normalization;
import dev.adjoint.ops.Random;
import dev.adjoint.ops.Reductions;
import dev.adjoint.ops.Softmax;
import dev.adjoint.spi.BinaryKernel;
import dev.adjoint.spi.ReduceKernel;
import dev.adjoint.spi.UnaryKernel;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An n-dimensional array of one element type on one device, and a place in the graph of the
 * computation that made it. A thin handle: views share memory, and closing a handle frees what
 * nobody else holds. Tensors are born in the current {@link Scope}; without one the collector
 * closes what is dropped.
 *
 * <p>Names and behaviour follow PyTorch. Methods ending in {@code _} change the tensor in place. A
 * tensor may be read from many threads; one graph is built and walked by one thread at a time. A
 * closed tensor still says its shape, type and device; whatever needs its values or its graph
 * throws {@link ClosedTensorException}.
 */
public final class Tensor implements AutoCloseable {
  static {
    Tensors.install(
        new Tensors.Access() {
          @Override
          public TensorState state(Tensor tensor) {
            return tensor.state;
          }

          @Override
          public Tensor wrap(TensorState state) {
            Tensor tensor = new Tensor(state);
            Scope.adopt(ThreadState.scope(), tensor);
            return tensor;
          }

          @Override
          public void disown(Tensor tensor) {
            Scope.forget(tensor);
          }

          @Override
          public Scope openScope() {
            return new Scope(true);
          }
        });
  }

  private final TensorState state;

  /** The scope it was born in, which lives as long as its tensors; null outside all scopes. */
  @Nullable Scope scope;

  /** Closes it when it is dropped outside all scopes. */
  private Dropped.@Nullable Registration registration;

  private Tensor(TensorState state) {
    this.state = state;
  }

  TensorState state() {
    return state;
  }

  void leaveToCollector() {
    if (state.isClosed()) {
      return; // by another thread
    }
    state.markUnscoped();
    Dropped.Registration made = Dropped.register(this, state);
    registration = made;
    if (state.isClosed()) {
      made.cancel(); // by another thread meanwhile, which may have looked too early
    }
  }

  // ---- from values ----

  /** A scalar, F32, on the default device. */
  public static Tensor of(float value) {
    return of(new float[] {value}, Shape.scalar(), Adjoint.defaultDevice());
  }

  /** A vector, F32. */
  public static Tensor of(float[] values) {
    return of(values, Shape.of(values.length), Adjoint.defaultDevice());
  }

  /** A matrix of rows of equal length, F32. */
  public static Tensor of(float[][] rows) {
    return HostAccess.nested(rows, DType.F32);
  }

  /** Three dimensions, F32. */
  public static Tensor of(float[][][] values) {
    return HostAccess.nested(values, DType.F32);
  }

  /**
   * F32 values in row-major order.
   *
   * @throws ShapeMismatchException if their number does not fit the shape
   */
  public static Tensor of(float[] values, Shape shape, Device device) {
    return HostAccess.of(MemorySegment.ofArray(values), values.length, shape, DType.F32, device);
  }

  /** A scalar, F64, on the default device. */
  public static Tensor of(double value) {
    return of(new double[] {value}, Shape.scalar(), Adjoint.defaultDevice());
  }

  /** A vector, F64. */
  public static Tensor of(double[] values) {
    return of(values, Shape.of(values.length), Adjoint.defaultDevice());
  }

  /** A matrix of rows of equal length, F64. */
  public static Tensor of(double[][] rows) {
    return HostAccess.nested(rows, DType.F64);
  }

  /** Three dimensions, F64. */
  public static Tensor of(double[][][] values) {
    return HostAccess.nested(values, DType.F64);
  }

  /** F64 values in row-major order. */
  public static Tensor of(double[] values, Shape shape, Device device) {
    return HostAccess.of(MemorySegment.ofArray(values), values.length, shape, DType.F64, device);
  }

  /** A scalar, I64, on the default device. */
  public static Tensor of(long value) {
    return of(new long[] {value}, Shape.scalar(), Adjoint.defaultDevice());
  }

  /** A vector, I64. */
  public static Tensor of(long[] values) {
    return of(values, Shape.of(values.length), Adjoint.defaultDevice());
  }

  /** A matrix of rows of equal length, I64. */
  public static Tensor of(long[][] rows) {
    return HostAccess.nested(rows, DType.I64);
  }

  /** I64 values in row-major order. */
  public static Tensor of(long[] values, Shape shape, Device device) {
    return HostAccess.of(MemorySegment.ofArray(values), values.length, shape, DType.I64, device);
  }

  /** A scalar, I32, on the default device; numbers with a decimal point or an f are floating. */
  public static Tensor of(int value) {
    return HostAccess.of(
        MemorySegment.ofArray(new int[] {value}),
        1,
        Shape.scalar(),
        DType.I32,
        Adjoint.defaultDevice());
  }

  /** A vector, I32. */
  public static Tensor of(int[] values) {
    return HostAccess.of(
        MemorySegment.ofArray(values),
        values.length,
        Shape.of(values.length),
        DType.I32,
        Adjoint.defaultDevice());
  }

  /** A scalar, BOOL, on the default device. */
  public static Tensor of(boolean value) {
    return HostAccess.of(new boolean[] {value}, Shape.scalar(), Adjoint.defaultDevice());
  }

  /** A vector, BOOL. */
  public static Tensor of(boolean[] values) {
    return HostAccess.of(values, Shape.of(values.length), Adjoint.defaultDevice());
  }

  // ---- filled ----

  /** Zeros, F32, on the default device. */
  public static Tensor zeros(long... sizes) {
    return full(Shape.of(sizes), 0, DType.F32, Adjoint.defaultDevice());
  }

  /** Ones, F32, on the default device. */
  public static Tensor ones(long... sizes) {
    return full(Shape.of(sizes), 1, DType.F32, Adjoint.defaultDevice());
  }

  /** Zeros like this: the same shape, type and device. */
  public Tensor zerosLike() {
    return full(shape(), 0, dtype(), device());
  }

  /** Every element {@code value}, F32, on the default device. */
  public static Tensor full(Shape shape, double value) {
    return full(shape, value, DType.F32, Adjoint.defaultDevice());
  }

  /** Every element {@code value}, rounded to the type. */
  public static Tensor full(Shape shape, double value, DType dtype, Device device) {
    return Factories.full(shape, value, dtype, device);
  }

  /** 0, 1, …, n − 1 as I64 on the default device. */
  public static Tensor arange(long n) {
    return arange(n, DType.I64, Adjoint.defaultDevice());
  }

  /** 0, 1, …, n − 1. */
  public static Tensor arange(long n, DType dtype, Device device) {
    return Factories.arange(n, dtype, device);
  }

  /** Uniform on [0, 1), F32, from the default generator of the default device. */
  public static Tensor rand(long... sizes) {
    Device device = Adjoint.defaultDevice();
    return Random.uniform(Shape.of(sizes), 0, 1, DType.F32, device, Adjoint.generator(device));
  }

  /** Standard normal, F32, from the default generator of the default device. */
  public static Tensor randn(long... sizes) {
    Device device = Adjoint.defaultDevice();
    return Random.normal(Shape.of(sizes), 0, 1, DType.F32, device, Adjoint.generator(device));
  }

  // ---- what it is ----

  /** The sizes. */
  public Shape shape() {
    return state.view().layout().shape();
  }

  /** The number of dimensions. */
  public int rank() {
    return state.view().layout().rank();
  }

  /** The size of one dimension; negative ones count from the end. */
  public long size(int dim) {
    return shape().size(Check.dim("size", dim, rank()));
  }

  /** The number of elements. */
  public long numel() {
    return state.view().numel();
  }

  /** The element type. */
  public DType dtype() {
    return state.view().dtype();
  }

  /** Where it lives. */
  public Device device() {
    return state.storage().device();
  }

  /** Whether the elements lie in row-major order without gaps. */
  public boolean isContiguous() {
    return state.view().layout().isContiguous();
  }

  /** Whether it has been closed. */
  public boolean isClosed() {
    return state.isClosed();
  }

  // ---- values ----

  /**
   * The value of the only element, exactly but for I64 beyond ±2⁵³: {@link #toLongArray} reads
   * those.
   *
   * @throws ShapeMismatchException if there is not exactly one
   */
  public double item() {
    return HostAccess.item(this);
  }

  /**
   * The element at an index; negative ones count from the end. Exact but for I64 beyond ±2⁵³:
   * {@link #toLongArray} reads those.
   */
  public double get(long... index) {
    return HostAccess.get(this, index);
  }

  /** Changes one element, outside any graph. */
  public Tensor set(double value, long... index) {
    try (var _ = new Scope(true);
        var _ = GradMode.off()) {
      Check.that(
          index.length == rank(),
          "set",
          () -> index.length + " indices for a tensor of shape " + shape());
      Tensor place = detach();
      for (long i : index) {
        place = place.select(0, i);
      }
      place.fill_(value);
    }
    return this;
  }

  /** The elements in row-major order, F32 only. */
  public float[] toFloatArray() {
    Check.dtype("toFloatArray", "the tensor", this, DType.F32);
    float[] values = new float[HostAccess.arraySize(this)];
    HostAccess.read(this, MemorySegment.ofArray(values));
    return values;
  }

  /** The elements in row-major order, converted from any type. */
  public double[] toDoubleArray() {
    return HostAccess.toDoubleArray(this);
  }

  /** The elements in row-major order, I64 only. */
  public long[] toLongArray() {
    Check.dtype("toLongArray", "the tensor", this, DType.I64);
    long[] values = new long[HostAccess.arraySize(this)];
    HostAccess.read(this, MemorySegment.ofArray(values));
    return values;
  }

  // ---- conversion, views, copies ----

  /** Converted to another type; this tensor itself if it is of that type. */
  public Tensor to(DType dtype) {
    return Cast.to(this, dtype);
  }

  /** Copied to another device, outside any graph; this tensor itself if it is there. */
  public Tensor to(Device device) {
    return HostAccess.to(this, device);
  }

  /** A dense copy, part of the graph. */
  public Tensor copy() {
    return Movement.copy(this);
  }

  /** This tensor if it is dense, else a dense copy. */
  public Tensor contiguous() {
    return Movement.contiguous(this);
  }

  /** The same memory outside any graph. */
  public Tensor detach() {
    return Tensors.alias(this, state.view().layout());
  }

  /** Another shape, one size may be −1; a view where strides allow it, else a copy. */
  public Tensor reshape(long... sizes) {
    return Movement.reshape(this, sizes);
  }

  /** Two dimensions exchanged; a view. */
  public Tensor transpose(int a, int b) {
    return Movement.transpose(this, a, b);
  }

  /** The last two dimensions exchanged; a view. */
  public Tensor t() {
    return Movement.transpose(this, -1, -2);
  }

  /** The dimensions in another order; a view. */
  public Tensor permute(int... order) {
    return Movement.permute(this, order);
  }

  /** Indices start … end − 1 of a dimension; negative ones count from the end; a view. */
  public Tensor slice(int dim, long start, long end) {
    return Movement.slice(this, dim, start, end, 1);
  }

  /** Every step-th of the indices start … end − 1 of a dimension; a view. */
  public Tensor slice(int dim, long start, long end, long step) {
    return Movement.slice(this, dim, start, end, step);
  }

  /** One index of a dimension, which disappears; a view. */
  public Tensor select(int dim, long index) {
    return Movement.select(this, dim, index);
  }

  /** Repeated along dimensions of size 1 and new ones in front; −1 keeps a size; a view. */
  public Tensor expand(long... sizes) {
    return Movement.expand(this, sizes);
  }

  /** One more dimension, of size 1; a view. */
  public Tensor unsqueeze(int dim) {
    return Movement.unsqueeze(this, dim);
  }

  /** Without a dimension of size 1; a view. */
  public Tensor squeeze(int dim) {
    return Movement.squeeze(this, dim);
  }

  /** Tensors one after another along a dimension. */
  public static Tensor cat(List<Tensor> parts, int dim) {
    return Movement.cat(parts, dim);
  }

  // ---- functions of two tensors, with broadcasting ----

  /** {@code this + other}. */
  public Tensor add(Tensor other) {
    return Elementwise.binary(BinaryKernel.ADD, this, other);
  }

  /** {@code this + other}. */
  public Tensor add(double other) {
    return Elementwise.binary(BinaryKernel.ADD, this, other, false);
  }

  /** {@code this − other}. */
  public Tensor sub(Tensor other) {
    return Elementwise.binary(BinaryKernel.SUB, this, other);
  }

  /** {@code this − other}. */
  public Tensor sub(double other) {
    return Elementwise.binary(BinaryKernel.SUB, this, other, false);
  }

  /** {@code other − this}. */
  public Tensor rsub(double other) {
    return Elementwise.binary(BinaryKernel.SUB, this, other, true);
  }

  /** {@code this · other}, element by element. */
  public Tensor mul(Tensor other) {
    return Elementwise.binary(BinaryKernel.MUL, this, other);
  }

  /** {@code this · other}. */
  public Tensor mul(double other) {
    return Elementwise.binary(BinaryKernel.MUL, this, other, false);
  }

  /** {@code this / other}; F32 and F64. */
  public Tensor div(Tensor other) {
    return Elementwise.binary(BinaryKernel.DIV, this, other);
  }

  /** {@code this / other}; F32 and F64. */
  public Tensor div(double other) {
    return Elementwise.binary(BinaryKernel.DIV, this, other, false);
  }

  /** {@code other / this}; F32 and F64. */
  public Tensor rdiv(double other) {
    return Elementwise.binary(BinaryKernel.DIV, this, other, true);
  }

  /** {@code this^exponent}; F32 and F64. */
  public Tensor pow(Tensor exponent) {
    return Elementwise.binary(BinaryKernel.POW, this, exponent);
  }

  /** {@code this^exponent}; F32 and F64. */
  public Tensor pow(double exponent) {
    return Elementwise.binary(BinaryKernel.POW, this, exponent, false);
  }

  /** The larger of two; NaN if either is. */
  public Tensor maximum(Tensor other) {
    return Elementwise.binary(BinaryKernel.MAXIMUM, this, other);
  }

  /** The smaller of two; NaN if either is. */
  public Tensor minimum(Tensor other) {
    return Elementwise.binary(BinaryKernel.MINIMUM, this, other);
  }

  /** Each element limited to [low, high]. */
  public Tensor clamp(double low, double high) {
    return Tensors.tidy(
        () ->
            Elementwise.binary(
                BinaryKernel.MINIMUM,
                Elementwise.binary(BinaryKernel.MAXIMUM, this, low, false),
                high,
                false));
  }

  /** {@code this = other}, element by element; BOOL. */
  public Tensor eq(Tensor other) {
    return Elementwise.binary(BinaryKernel.EQ, this, other);
  }

  /** {@code this = other}; BOOL. */
  public Tensor eq(double other) {
    return Elementwise.binary(BinaryKernel.EQ, this, other, false);
  }

  /** {@code this ≠ other}; BOOL. */
  public Tensor ne(Tensor other) {
    return Elementwise.binary(BinaryKernel.NE, this, other);
  }

  /** {@code this ≠ other}; BOOL. */
  public Tensor ne(double other) {
    return Elementwise.binary(BinaryKernel.NE, this, other, false);
  }

  /** {@code this < other}; BOOL. */
  public Tensor lt(Tensor other) {
    return Elementwise.binary(BinaryKernel.LT, this, other);
  }

  /** {@code this < other}; BOOL. */
  public Tensor lt(double other) {
    return Elementwise.binary(BinaryKernel.LT, this, other, false);
  }

  /** {@code this ≤ other}; BOOL. */
  public Tensor le(Tensor other) {
    return Elementwise.binary(BinaryKernel.LE, this, other);
  }

  /** {@code this ≤ other}; BOOL. */
  public Tensor le(double other) {
    return Elementwise.binary(BinaryKernel.LE, this, other, false);
  }

  /** {@code this > other}; BOOL. */
  public Tensor gt(Tensor other) {
    return Elementwise.binary(BinaryKernel.GT, this, other);
  }

  /** {@code this > other}; BOOL. */
  public Tensor gt(double other) {
    return Elementwise.binary(BinaryKernel.GT, this, other, false);
  }

  /** {@code this ≥ other}; BOOL. */
  public Tensor ge(Tensor other) {
    return Elementwise.binary(BinaryKernel.GE, this, other);
  }

  /** {@code this ≥ other}; BOOL. */
  public Tensor ge(double other) {
    return Elementwise.binary(BinaryKernel.GE, this, other, false);
  }

  /** {@code condition ? a : b}, element by element, with broadcasting. */
  public static Tensor where(Tensor condition, Tensor a, Tensor b) {
    return Elementwise.where(condition, a, b);
  }

  // ---- functions of each element ----

  /** −x. */
  public Tensor neg() {
    return Elementwise.unary(UnaryKernel.NEG, this);
  }

  /** |x|. */
  public Tensor abs() {
    return Elementwise.unary(UnaryKernel.ABS, this);
  }

  /** e^x. */
  public Tensor exp() {
    return Elementwise.unary(UnaryKernel.EXP, this);
  }

  /** The natural logarithm. */
  public Tensor log() {
    return Elementwise.unary(UnaryKernel.LOG, this);
  }

  /** √x. */
  public Tensor sqrt() {
    return Elementwise.unary(UnaryKernel.SQRT, this);
  }

  /** 1/√x. */
  public Tensor rsqrt() {
    return Elementwise.unary(UnaryKernel.RSQRT, this);
  }

  /** 1/x. */
  public Tensor reciprocal() {
    return Elementwise.unary(UnaryKernel.RECIPROCAL, this);
  }

  /** x². */
  public Tensor square() {
    return Elementwise.unary(UnaryKernel.SQUARE, this);
  }

  /** sin x. */
  public Tensor sin() {
    return Elementwise.unary(UnaryKernel.SIN, this);
  }

  /** cos x. */
  public Tensor cos() {
    return Elementwise.unary(UnaryKernel.COS, this);
  }

  /** tanh x. */
  public Tensor tanh() {
    return Elementwise.unary(UnaryKernel.TANH, this);
  }

  /** The logistic function 1/(1 + e^−x). */
  public Tensor sigmoid() {
    return Elementwise.unary(UnaryKernel.SIGMOID, this);
  }

  /** The error function. */
  public Tensor erf() {
    return Elementwise.unary(UnaryKernel.ERF, this);
  }

  /** max(x, 0); its derivative at 0 is 0. */
  public Tensor relu() {
    return Elementwise.unary(UnaryKernel.RELU, this);
  }

  /** x·Φ(x), exact. */
  public Tensor gelu() {
    return Elementwise.unary(UnaryKernel.GELU, this);
  }

  /** GELU in its tanh approximation, as GPT-2 uses it. */
  public Tensor geluTanh() {
    return Elementwise.unary(UnaryKernel.GELU_TANH, this);
  }

  /** x·σ(x). */
  public Tensor silu() {
    return Elementwise.unary(UnaryKernel.SILU, this);
  }

  /**
   * Zeroes elements with probability p, scales the rest by 1/(1 − p); this tensor itself if p is 0.
   * Draws from the device's generator.
   */
  public Tensor dropout(double p) {
    return Random.dropout(this, p, Adjoint.generator(device()));
  }

  /** Zeroes elements with probability p, scales the rest by 1/(1 − p); itself if p is 0. */
  public Tensor dropout(double p, Generator generator) {
    return Random.dropout(this, p, generator);
  }

  // ---- over dimensions ----

  /** The sum over the named dimensions (all, if none is named), which disappear. */
  public Tensor sum(int... dims) {
    return Reductions.reduce(ReduceKernel.SUM, this, false, dims);
  }

  /** The sum over the named dimensions; with {@code keepDims} they stay, with size 1. */
  public Tensor sum(boolean keepDims, int... dims) {
    return Reductions.reduce(ReduceKernel.SUM, this, keepDims, dims);
  }

  /** The mean over the named dimensions (all, if none is named), which disappear. */
  public Tensor mean(int... dims) {
    return Reductions.reduce(ReduceKernel.MEAN, this, false, dims);
  }

  /** The mean over the named dimensions; with {@code keepDims} they stay, with size 1. */
  public Tensor mean(boolean keepDims, int... dims) {
    return Reductions.reduce(ReduceKernel.MEAN, this, keepDims, dims);
  }

  /** The largest over the named dimensions (all, if none is named), which disappear. */
  public Tensor max(int... dims) {
    return Reductions.reduce(ReduceKernel.MAX, this, false, dims);
  }

  /** The largest over the named dimensions; with {@code keepDims} they stay, with size 1. */
  public Tensor max(boolean keepDims, int... dims) {
    return Reductions.reduce(ReduceKernel.MAX, this, keepDims, dims);
  }

  /** The smallest over the named dimensions (all, if none is named), which disappear. */
  public Tensor min(int... dims) {
    return Reductions.reduce(ReduceKernel.MIN, this, false, dims);
  }

  /** The index of the first largest element along a dimension, which disappears; I64. */
  public Tensor argmax(int dim) {
    return Reductions.argmax(this, dim);
  }

  /** Softmax along a dimension. */
  public Tensor softmax(int dim) {
    return Softmax.softmax(this, dim);
  }

  /** The logarithm of softmax along a dimension. */
  public Tensor logSoftmax(int dim) {
    return Softmax.logSoftmax(this, dim);
  }

  // ---- what networks are made of ----

  /** The matrix product, batched and broadcast as PyTorch's. */
  public Tensor matmul(Tensor other) {
    return MatMul.matmul(this, other);
  }

  /**
   * {@code this · weightᵀ + bias}: […, in] → […, out], weight [out, in], bias [out], all of one
   * type; under {@link Precision#BF16} this and the result may be BF16 with F32 weight and bias.
   */
  public Tensor linear(Tensor weight, @Nullable Tensor bias) {
    return MatMul.linear(this, weight, bias);
  }

  /** Layer normalisation over the last dimension; weight and bias may be F32 beside 16 bits. */
  public Tensor layerNorm(@Nullable Tensor weight, @Nullable Tensor bias, double eps) {
    return Normalization.layerNorm(this, weight, bias, eps);
  }

  /**
   * Root-mean-square normalisation over the last dimension; the weight may be F32 beside 16 bits.
   */
  public Tensor rmsNorm(@Nullable Tensor weight, double eps) {
    return Normalization.rmsNorm(this, weight, eps);
  }

  /**
   * The mean cross-entropy of logits […, C] against class numbers […]; F32 for 16 bits. The classes
   * are in the last dimension, in PyTorch in dimension 1: for [B, C, T] call {@link
   * #crossEntropy(Tensor, int)}.
   *
   * @throws ShapeMismatchException if the targets have another shape
   */
  public Tensor crossEntropy(Tensor targets) {
    return Losses.crossEntropy(this, targets);
  }

  /**
   * The mean cross-entropy of logits with the classes in any dimension against class numbers of
   * their shape without it; F32 for 16 bits.
   *
   * @throws ShapeMismatchException if the targets have another shape
   */
  public Tensor crossEntropy(Tensor targets, int classDim) {
    return Losses.crossEntropy(this, targets, classDim);
  }

  /**
   * The mean squared error against a target of the same shape; F32 for 16 bits.
   *
   * @throws ShapeMismatchException if the shapes differ: nothing is broadcast
   */
  public Tensor mseLoss(Tensor target) {
    return Losses.mseLoss(this, target);
  }

  /** Rows of this table [V, D] by indices of any shape. */
  public Tensor embedding(Tensor indices) {
    return Indexing.embedding(this, indices);
  }

  /** Attention of this [B, H, Tq, D] on keys and values [B, H, Tk, D]. */
  public Tensor scaledDotProductAttention(Tensor keys, Tensor values, boolean causal) {
    return Attention.scaledDotProductAttention(this, keys, values, causal);
  }

  // ---- in place ----

  /** {@code this += other}. */
  public Tensor add_(Tensor other) {
    return Elementwise.inPlace(BinaryKernel.ADD, this, other);
  }

  /** {@code this += other}. */
  public Tensor add_(double other) {
    return Elementwise.inPlace(BinaryKernel.ADD, this, other);
  }

  /** {@code this −= other}. */
  public Tensor sub_(Tensor other) {
    return Elementwise.inPlace(BinaryKernel.SUB, this, other);
  }

  /** {@code this −= other}. */
  public Tensor sub_(double other) {
    return Elementwise.inPlace(BinaryKernel.SUB, this, other);
  }

  /** {@code this ·= other}. */
  public Tensor mul_(Tensor other) {
    return Elementwise.inPlace(BinaryKernel.MUL, this, other);
  }

  /** {@code this ·= other}. */
  public Tensor mul_(double other) {
    return Elementwise.inPlace(BinaryKernel.MUL, this, other);
  }

  /** Every element 0. */
  public Tensor zero_() {
    return Elementwise.fillInPlace(this, 0);
  }

  /** Every element {@code value}. */
  public Tensor fill_(double value) {
    return Elementwise.fillInPlace(this, value);
  }

  /** The values of another tensor of the same type, broadcast. */
  public Tensor copy_(Tensor other) {
    return Elementwise.copyInPlace(this, other);
  }

  // ---- gradients ----

  /** Whether gradients flow through it. */
  public boolean requiresGrad() {
    return state.node() != null;
  }

  /** Whether it was made by the user rather than by a recorded operation. */
  public boolean isLeaf() {
    Node node = Node.of(state);
    return node == null || node instanceof LeafNode;
  }

  /** The operation that made it, for messages; null for a leaf. */
  public @Nullable String gradFn() {
    Node node = Node.of(state);
    return node == null || node instanceof LeafNode ? null : node.name();
  }

  /**
   * Makes a leaf want a gradient, or no longer want one (then its gradient is dropped).
   *
   * @throws DTypeMismatchException if it is of no floating type
   * @throws TensorException if it is the result of a recorded operation
   */
  public Tensor requiresGrad_(boolean wanted) {
    if (wanted) {
      Check.floating("requiresGrad_", this);
    }
    Check.that(isLeaf(), "requiresGrad_", "only a leaf can be changed; use detach() first");
    if (state.isClosed()) {
      throw state.closedException();
    }
    if (wanted != requiresGrad()) {
      state.setNode(wanted ? new LeafNode(state) : null);
    }
    return this;
  }

  /**
   * The gradient that backward passes have added up in this leaf, or null. It belongs to the leaf:
   * do not close it.
   */
  public @Nullable Tensor grad() {
    return state.node() instanceof LeafNode leaf ? leaf.grad() : null;
  }

  /** Drops the gradient. */
  public void zeroGrad() {
    if (state.node() instanceof LeafNode leaf) {
      leaf.setGrad(null);
    }
  }

  /** Adds the gradient of this scalar to every leaf behind it; frees the graph's saved values. */
  public void backward() {
    BackwardPass.accumulate(this, null, false, false);
  }

  /**
   * Adds gradients to every leaf behind this tensor.
   *
   * @param gradient what to start from, of this tensor's shape; null for 1, if it is a scalar
   * @param retainGraph whether backward may be called again
   * @param createGraph whether the gradients are themselves part of a graph, for higher derivatives
   * @throws TensorException if nothing behind it requires a gradient, if its saved values are
   *     freed, or if one of them was changed in place
   */
  public void backward(@Nullable Tensor gradient, boolean retainGraph, boolean createGraph) {
    BackwardPass.accumulate(this, gradient, retainGraph, createGraph);
  }

  /** Lets go of the memory and the graph; doing so twice is harmless. From any thread. */
  @Override
  public void close() {
    if (state.isClosed()) {
      return;
    }
    Scope.forget(this);
    if (registration != null) {
      registration.cancel();
    }
    state.close();
  }

  /** The values, shortened where there are many, as PyTorch prints them. */
  @Override
  public String toString() {
    return state.isClosed()
        ? "tensor(closed, " + dtype() + " " + shape() + ")"
        : TensorPrinter.print(this);
  }
}
