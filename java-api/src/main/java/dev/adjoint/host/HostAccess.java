package dev.adjoint.host;

import dev.adjoint.internal.Backends;
import dev.adjoint.internal.Check;
import dev.adjoint.internal.DeviceContext;
import dev.adjoint.internal.Recorder;
import dev.adjoint.internal.TensorState;
import dev.adjoint.internal.Tensors;
import dev.adjoint.internal.ThreadState;
import dev.adjoint.Adjoint;
import dev.adjoint.DType;
import dev.adjoint.Device;
import dev.adjoint.Shape;
import dev.adjoint.ShapeMismatchException;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import dev.adjoint.spi.HalfFloats;
import dev.adjoint.spi.Layout;
import dev.adjoint.spi.Memory;
import dev.adjoint.spi.View;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Reference;
import java.lang.reflect.Array;

/**
 * Between Java's memory and tensors: reading waits for the device and is forbidden in a recording.
 */
public final class HostAccess {
  private static final int MAX_ARRAY = Integer.MAX_VALUE - 8;

  private HostAccess() {}

  /** Where elements come from, such as a file. */
  @FunctionalInterface
  public interface Elements {
    /** Writes all of them, row-major. */
    void writeTo(MemorySegment target) throws IOException;
  }

  // ---- from Java ----

  /** A tensor of elements that are written straight into its memory, where the host reaches it. */
  public static Tensor of(Shape shape, DType dtype, Device device, Elements elements)
      throws IOException {
    Recorder.forbid("Tensor.of");
    Tensor out = Tensors.empty(shape, dtype, device);
    boolean complete = false;
    try (Arena arena = Arena.ofConfined()) {
      Memory memory = Tensors.view(out).memory();
      if (memory.onHost()) {
        elements.writeTo(memory.segment().asSlice(0, byteCount(out)));
      } else {
        MemorySegment staging = arena.allocate(byteCount(out));
        elements.writeTo(staging);
        Tensors.backend(out).upload(staging, Tensors.view(out));
      }
      complete = true;
      return out;
    } finally {
      if (!complete) {
        out.close();
      }
      Reference.reachabilityFence(out);
    }
  }

  /** A copy of row-major elements; the segment has as many bytes as the tensor. */
  public static Tensor of(MemorySegment elements, Shape shape, DType dtype, Device device) {
    Recorder.forbid("Tensor.of");
    Tensor out = Tensors.empty(shape, dtype, device);
    Tensors.backend(out).upload(elements, Tensors.view(out));
    return out;
  }

  public static Tensor of(
      MemorySegment values, long count, Shape shape, DType dtype, Device device) {
    if (shape.numel() != count) {
      throw new ShapeMismatchException(
          "tensor: " + count + " values do not fit shape " + shape + " of " + shape.numel());
    }
    return of(values, shape, dtype, device);
  }

  public static Tensor of(boolean[] values, Shape shape, Device device) {
    byte[] bytes = new byte[values.length];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) (values[i] ? 1 : 0);
    }
    return of(MemorySegment.ofArray(bytes), shape, DType.BOOL, device);
  }

  /** Nested arrays of one primitive type, every level of equal lengths. */
  public static Tensor nested(Object array, DType dtype) {
    int rank = 0;
    for (Class<?> type = array.getClass(); type.isArray(); type = type.getComponentType()) {
      rank++;
    }
    long[] sizes = new long[rank];
    Object level = array;
    for (int d = 0; d < rank; d++) {
      sizes[d] = Array.getLength(level);
      level = sizes[d] > 0 && d + 1 < rank ? Array.get(level, 0) : level;
      if (sizes[d] == 0) {
        break; // the sizes behind an empty dimension cannot be known: 0
      }
    }
    Shape shape = Shape.of(sizes);
    Check.that(
        shape.numel() <= MAX_ARRAY / dtype.bytes(),
        "tensor",
        () -> "nested arrays of more than 2 GiB: " + shape + "; pass the values in one flat array");
    byte[] bytes = new byte[(int) shape.numel() * dtype.bytes()];
    MemorySegment flat = MemorySegment.ofArray(bytes);
    fill(array, sizes, 0, 0, flat, dtype);
    return of(flat, shape, dtype, Adjoint.defaultDevice());
  }

  private static long fill(
      Object array, long[] sizes, int dim, long at, MemorySegment flat, DType dtype) {
    int length = Array.getLength(array);
    if (length != sizes[dim]) {
      throw new ShapeMismatchException(
          "tensor: ragged array: "
              + length
              + " elements in dimension "
              + dim
              + " where the first row has "
              + sizes[dim]);
    }
    if (dim == sizes.length - 1) {
      MemorySegment row =
          switch (dtype) {
            case F32 -> MemorySegment.ofArray((float[]) array);
            case F64 -> MemorySegment.ofArray((double[]) array);
            case I64 -> MemorySegment.ofArray((long[]) array);
            default -> throw new IllegalArgumentException(dtype.name());
          };
      MemorySegment.copy(row, 0, flat, at, row.byteSize());
      return at + row.byteSize();
    }
    long next = at;
    for (int i = 0; i < length; i++) {
      next = fill(Array.get(array, i), sizes, dim + 1, next, flat, dtype);
    }
    return next;
  }

  // ---- to Java ----

  /** The number of elements, as the length of a Java array. */
  public static int arraySize(Tensor x) {
    if (x.numel() > MAX_ARRAY) {
      throw new TensorException(
          "toArray: " + x.shape() + " has more elements than a Java array can hold; slice it");
    }
    return (int) x.numel();
  }

  /** Copies the elements in row-major order. */
  public static void read(Tensor x, MemorySegment target) {
    Recorder.forbid("reading values");
    download(x, target);
  }

  /** I64 elements for the message of a failure, which ends a recording that is under way. */
  public static long[] longsOfFailure(Tensor x) {
    long[] values = new long[arraySize(x)];
    download(x, MemorySegment.ofArray(values));
    return values;
  }

  private static void download(Tensor x, MemorySegment target) {
    try (var _ = Tensors.openScope()) {
      Tensor dense = x.detach().contiguous();
      TensorState state = Tensors.state(dense);
      state.pin();
      try {
        Tensors.backend(dense).download(state.view(), target);
      } finally {
        state.unpin();
        Reference.reachabilityFence(dense);
      }
    }
  }

  public static double item(Tensor x) {
    if (x.numel() != 1) {
      throw new ShapeMismatchException(
          "item: needs exactly one element, got shape "
              + x.shape()
              + "; reduce it or use get(index…)");
    }
    return element(x, Tensors.layout(x).offset()).doubleValue();
  }

  public static double get(Tensor x, long... index) {
    return number(x, index).doubleValue();
  }

  /** An element exactly: a Long for I64, else a Double. */
  static Number number(Tensor x, long... index) {
    Layout layout = Tensors.layout(x);
    Check.that(
        index.length == layout.rank(),
        "get",
        () -> index.length + " indices for a tensor of shape " + x.shape());
    long at = layout.offset();
    for (int d = 0; d < index.length; d++) {
      at += Check.index("get", index[d], layout.size(d), d) * layout.stride(d);
    }
    return element(x, at);
  }

  private static Number element(Tensor x, long position) {
    Recorder.forbid("reading a value");
    TensorState state = Tensors.state(x);
    byte[] bytes = new byte[8];
    MemorySegment target = MemorySegment.ofArray(bytes).asSlice(0, x.dtype().bytes());
    state.pin();
    try {
      View one = state.view().with(Layout.of(Shape.scalar(), new long[0], position));
      state.storage().context().backend().download(one, target);
    } finally {
      state.unpin();
      Reference.reachabilityFence(x);
    }
    MemorySegment element = MemorySegment.ofArray(bytes);
    if (x.dtype() == DType.I64) {
      return element.get(ValueLayout.JAVA_LONG_UNALIGNED, 0);
    }
    return decode(element, x.dtype(), 0);
  }

  public static double[] toDoubleArray(Tensor x) {
    double[] values = new double[arraySize(x)];
    DType dtype = x.dtype();
    if (dtype == DType.F64) {
      read(x, MemorySegment.ofArray(values));
      return values;
    }
    byte[] bytes = new byte[Math.multiplyExact(values.length, dtype.bytes())];
    MemorySegment flat = MemorySegment.ofArray(bytes);
    read(x, flat);
    for (int i = 0; i < values.length; i++) {
      values[i] = decode(flat, dtype, i);
    }
    return values;
  }

  private static double decode(MemorySegment segment, DType dtype, long index) {
    long at = index * dtype.bytes();
    return switch (dtype) {
      case F32 -> segment.get(ValueLayout.JAVA_FLOAT_UNALIGNED, at);
      case F64 -> segment.get(ValueLayout.JAVA_DOUBLE_UNALIGNED, at);
      case F16 -> HalfFloats.fromF16(segment.get(ValueLayout.JAVA_SHORT_UNALIGNED, at));
      case BF16 -> HalfFloats.fromBf16(segment.get(ValueLayout.JAVA_SHORT_UNALIGNED, at));
      case I32 -> segment.get(ValueLayout.JAVA_INT_UNALIGNED, at);
      case I64 -> segment.get(ValueLayout.JAVA_LONG_UNALIGNED, at);
      case BOOL -> segment.get(ValueLayout.JAVA_BYTE, at);
    };
  }

  /** A copy on another device. */
  public static Tensor to(Tensor x, Device device) {
    DeviceContext target = Backends.of(device);
    if (target == Tensors.context(x)) {
      return x;
    }
    Recorder.forbid("to(Device)");
    Check.that(
        !(x.requiresGrad() && !ThreadState.isGradOff()),
        "to",
        "moving to another device is not recorded; move the leaf before requiresGrad_(true), or detach()");
    Tensor out = Tensors.empty(x.shape(), x.dtype(), target);
    try {
      Memory memory = Tensors.view(out).memory();
      if (memory.onHost()) {
        read(x, memory.segment().asSlice(0, byteCount(x)));
      } else {
        upload(x, out);
      }
    } finally {
      Reference.reachabilityFence(out);
    }
    return out;
  }

  /** Copies to memory that the host cannot reach: from the source itself, if the host can. */
  private static void upload(Tensor x, Tensor out) {
    try (var _ = Tensors.openScope()) {
      Tensor dense = x.detach().contiguous();
      TensorState state = Tensors.state(dense);
      state.pin();
      try (Arena arena = Arena.ofConfined()) {
        long bytes = byteCount(x);
        View view = state.view();
        MemorySegment source;
        if (view.memory().onHost()) {
          source =
              view.memory().segment().asSlice(view.layout().offset() * x.dtype().bytes(), bytes);
        } else {
          source = arena.allocate(bytes);
          Tensors.backend(dense).download(view, source);
        }
        Tensors.backend(out).upload(source, Tensors.view(out));
      } finally {
        state.unpin();
        Reference.reachabilityFence(dense);
      }
    }
  }

  private static long byteCount(Tensor x) {
    return x.numel() * x.dtype().bytes();
  }
}
