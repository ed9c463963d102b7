package dev.adjoint.internal;

import dev.adjoint.DType;
import dev.adjoint.Device;
import dev.adjoint.Scope;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.spi.Backend;
import dev.adjoint.spi.Layout;
import dev.adjoint.spi.View;
import java.lang.invoke.MethodHandles;
import java.lang.ref.Reference;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The inside of {@link Tensor} for the packages that make operations; users never see it, since
 * this package is not exported.
 */
public final class Tensors {
  /** What only {@code Tensor} itself can do. */
  public interface Access {
    TensorState state(Tensor tensor);

    Tensor wrap(TensorState state);

    void disown(Tensor tensor);

    Scope openScope();
  }

  /** Elements of a tensor whose products take long enough for gaps between its rows to matter. */
  private static final long WORTH_GAPS = 1 << 16;

  private static @Nullable Access installed;

  private Tensors() {}

  /** Called once, by the static initialiser of {@code Tensor}. */
  public static void install(Access implementation) {
    installed = implementation;
  }

  /** Apart, so that the first use initialises {@code Tensor} and later ones see a constant. */
  private static final class Holder {
    static final Access ACCESS = load();

    private static Access load() {
      try {
        MethodHandles.lookup().ensureInitialized(Tensor.class);
      } catch (IllegalAccessException e) {
        throw new ExceptionInInitializerError(e);
      }
      return Objects.requireNonNull(installed);
    }
  }

  private static Access access() {
    return Holder.ACCESS;
  }

  public static TensorState state(Tensor tensor) {
    return access().state(tensor);
  }

  /** A handle on a state, born in the current scope. */
  public static Tensor wrap(TensorState state) {
    return access().wrap(state);
  }

  /** Takes a tensor out of its scope; the collector does not close it, the caller does. */
  public static void disown(Tensor tensor) {
    access().disown(tensor);
  }

  /**
   * A scope around an operation of this library, for a try statement, which is certain to close it.
   * Code of users runs inside only by {@link ThreadState#runUserCode}.
   */
  public static Scope openScope() {
    return access().openScope();
  }

  /** {@link Scope#tidy} around an operation of this library; see {@link #openScope}. */
  public static Tensor tidy(Supplier<Tensor> body) {
    try (Scope scope = openScope()) {
      return scope.keep(body.get());
    }
  }

  /** The view of an open tensor; kernels get it only through {@link Dispatch}. */
  public static View view(Tensor tensor) {
    TensorState state = state(tensor);
    if (state.isClosed()) {
      throw state.closedException();
    }
    return state.view();
  }

  public static @Nullable View viewOrNull(@Nullable Tensor tensor) {
    return tensor == null ? null : view(tensor);
  }

  public static Layout layout(Tensor tensor) {
    return view(tensor).layout();
  }

  public static DeviceContext context(Tensor tensor) {
    return state(tensor).storage().context();
  }

  public static Backend backend(Tensor tensor) {
    return context(tensor).backend();
  }

  /** A new dense tensor with undefined contents. */
  public static Tensor empty(Shape shape, DType dtype, DeviceContext context) {
    long bytes = shape.numel() * dtype.bytes(); // fits, as the shape promises
    Recorder recorder = ThreadState.recorder();
    MemoryPool pool = recorder == null ? null : recorder.poolFor(context);
    Layout layout = Layout.contiguous(shape);
    Storage storage = context.allocator().allocate(bytes, pool, new Label(dtype, shape));
    return wrap(new TensorState(storage, layout, dtype, null));
  }

  public static Tensor empty(Shape shape, DType dtype, Device device) {
    return empty(shape, dtype, Backends.of(device));
  }

  /**
   * A new tensor […, C] for products to write and read: a large one has gaps between its rows if
   * they begin where the backend wants them then.
   */
  public static Tensor emptyRows(Shape shape, DType dtype, DeviceContext context) {
    long step = context.backend().rowAlignment() / dtype.bytes();
    int last = shape.rank() - 1;
    if (step <= 1 || shape.size(last) % step == 0 || shape.numel() < WORTH_GAPS) {
      return empty(shape, dtype, context);
    }
    try (Tensor memory = empty(Layout.withGaps(shape, step), dtype, context)) {
      return alias(memory, layout(memory).slice(last, 0, shape.size(last), 1));
    }
  }

  public static Tensor emptyLike(Tensor tensor) {
    return empty(tensor.shape(), tensor.dtype(), context(tensor));
  }

  /** The number of rows of […, C]: the product of all sizes but the last. */
  public static long rows(Tensor x) {
    long rows = 1;
    for (int d = 0; d < x.rank() - 1; d++) {
      rows *= x.size(d);
    }
    return rows;
  }

  /** Another handle on the same memory, outside any graph. */
  public static Tensor alias(Tensor tensor, Layout layout) {
    TensorState state = state(tensor);
    try {
      state.pin(); // this hold becomes the new handle's
    } finally {
      Reference.reachabilityFence(tensor);
    }
    return wrap(new TensorState(state.storage(), layout, state.view().dtype(), null));
  }

  private record Label(DType dtype, Shape shape) {
    @Override
    public String toString() {
      return dtype + " " + shape;
    }
  }
}
