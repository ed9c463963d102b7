package dev.adjoint;

import dev.adjoint.autograd.GradMode;
import dev.adjoint.internal.Check;
import dev.adjoint.internal.Dropped;
import dev.adjoint.host.HostAccess;
import dev.adjoint.host.TensorPrinter;
import dev.adjoint.internal.TensorState;
import dev.adjoint.internal.Tensors;
import dev.adjoint.internal.ThreadState;
import dev.adjoint.ops.Elementwise;
import dev.adjoint.ops.Factories;
import dev.adjoint.ops.Movement;
import dev.adjoint.ops.Random;
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
public final class Tensor
    implements AutoCloseable,
        TensorArithmetic,
        TensorFunctions,
        TensorReductions,
        TensorViews,
        TensorLayers,
        TensorGradients {
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

  // ---- of several tensors ----

  /** Tensors one after another along a dimension. */
  public static Tensor cat(List<Tensor> parts, int dim) {
    return Movement.cat(parts, dim);
  }

  /** {@code condition ? a : b}, element by element, with broadcasting. */
  public static Tensor where(Tensor condition, Tensor a, Tensor b) {
    return Elementwise.where(condition, a, b);
  }

  // ---- its end ----

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
