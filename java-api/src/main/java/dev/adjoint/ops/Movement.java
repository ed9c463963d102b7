package dev.adjoint.ops;

import dev.adjoint.spi.ElementwiseKernels.Binary;
import dev.adjoint.spi.ElementwiseKernels.Copy;
import dev.adjoint.Shape;
import dev.adjoint.ShapeMismatchException;
import dev.adjoint.Tensor;
import dev.adjoint.graph.Graph;
import dev.adjoint.internal.Broadcasting;
import dev.adjoint.internal.Check;
import dev.adjoint.internal.Dispatch;
import dev.adjoint.internal.Tensors;
import dev.adjoint.spi.BinaryFunction;
import dev.adjoint.spi.Layout;
import dev.adjoint.spi.View;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Views, copies and concatenation. */
public final class Movement {
  private Movement() {}

  private static Tensor view(String name, Tensor x, Layout layout, UnaryOperator<Tensor> back) {
    Tensor out = Tensors.alias(x, layout);
    return Graph.record(
        name,
        out,
        new Tensor[] {x},
        Graph.nothing(),
        (grad, saves) -> new Tensor[] {back.apply(grad)});
  }

  /** A dense copy; part of the graph (PyTorch's {@code clone}). */
  public static Tensor copy(Tensor x) {
    Tensor out = Tensors.emptyLike(x);
    Dispatch.run(new Copy(Tensors.view(x), Tensors.view(out)), out, x);
    return Graph.record(
        "copy", out, new Tensor[] {x}, Graph.nothing(), (grad, saves) -> new Tensor[] {grad});
  }

  /** {@code x} itself if it is dense, else a dense copy. */
  public static Tensor contiguous(Tensor x) {
    return Tensors.layout(x).isContiguous() ? x : copy(x);
  }

  /**
   * The elements in row-major order under another shape: a view if strides allow it, else a copy.
   * One size may be −1 and follows from the others.
   *
   * @throws ShapeMismatchException if the number of elements differs
   */
  public static Tensor reshape(Tensor x, long... sizes) {
    Shape from = x.shape();
    Shape target = resolve(from, sizes);
    Layout layout = Tensors.layout(x).reshape(target);
    if (layout == null) {
      return Tensors.tidy(() -> reshape(copy(x), target.toArray()));
    }
    return view("reshape", x, layout, grad -> reshape(grad, from.toArray()));
  }

  private static Shape resolve(Shape from, long[] sizes) {
    long[] full = sizes.clone();
    int free = 0;
    while (free < full.length && full[free] != -1) {
      free++;
    }
    if (free < full.length) {
      full[free] = 1;
    }
    boolean fits = Arrays.stream(full).noneMatch(size -> size < 0);
    if (fits && free < full.length) {
      long known = Shape.of(full).numel();
      fits = known > 0;
      full[free] = fits ? from.numel() / known : 0;
    }
    if (!fits || Shape.of(full).numel() != from.numel()) {
      throw new ShapeMismatchException(
          "reshape: "
              + from
              + " with "
              + from.numel()
              + " elements does not fit "
              + Arrays.toString(sizes));
    }
    return Shape.of(full);
  }

  /** Dimensions {@code a} and {@code b} exchanged; a view. */
  public static Tensor transpose(Tensor x, int a, int b) {
    int first = Check.dim("transpose", a, x.rank());
    int second = Check.dim("transpose", b, x.rank());
    return view(
        "transpose",
        x,
        Tensors.layout(x).transpose(first, second),
        grad -> transpose(grad, first, second));
  }

  /** Dimension {@code i} of the result is dimension {@code order[i]}; a view. */
  public static Tensor permute(Tensor x, int... order) {
    int[] dims = new int[order.length];
    int[] inverse = new int[x.rank()];
    Arrays.fill(inverse, -1);
    boolean isOrder = order.length == x.rank();
    for (int i = 0; i < order.length; i++) {
      dims[i] = Check.dim("permute", order[i], x.rank());
      isOrder = isOrder && inverse[dims[i]] < 0;
      inverse[dims[i]] = i;
    }
    Check.that(
        isOrder,
        "permute",
        () -> Arrays.toString(order) + " is not an order of the dimensions of " + x.shape());
    return view("permute", x, Tensors.layout(x).permute(dims), grad -> permute(grad, inverse));
  }

  /**
   * Indices {@code start} to before {@code end} of one dimension, every {@code step}-th; a view.
   * Negative bounds count from the end; bounds beyond the ends are cut off, as in Python.
   */
  public static Tensor slice(Tensor x, int dim, long start, long end, long step) {
    int axis = Check.dim("slice", dim, x.rank());
    Check.that(step > 0, "slice", () -> "the step must be positive, got " + step);
    long size = x.size(axis);
    long from = clamp(start < 0 ? start + size : start, size);
    long to = Math.max(from, clamp(end < 0 ? end + size : end, size));
    return part("slice", x, layout -> layout.slice(axis, from, to, step));
  }

  private static long clamp(long value, long size) {
    return Math.max(0, Math.min(size, value));
  }

  /** One index of a dimension, which disappears; a view. */
  public static Tensor select(Tensor x, int dim, long index) {
    int axis = Check.dim("select", dim, x.rank());
    long at = Check.index("select", index, x.size(axis), axis);
    return part("select", x, layout -> layout.select(axis, at));
  }

  /**
   * A view of some elements. Its gradient is added in place to what there is of x's already: else
   * the gradients of T parts, each as large as x, would cost T² in all.
   */
  private static Tensor part(String name, Tensor x, UnaryOperator<Layout> place) {
    Shape shape = x.shape();
    Tensor out = Tensors.alias(x, place.apply(Tensors.layout(x)));
    return Graph.record(
        name,
        out,
        new Tensor[] {x},
        Graph.nothing(),
        (grad, saves) -> {
          boolean added = !Halves.widens(grad) && saves.addTo(0, sum -> addAt(place, sum, grad));
          return new Tensor[] {added ? null : embed(name, grad, shape, place)};
        });
  }

  private static void addAt(UnaryOperator<Layout> place, Tensor sum, Tensor x) {
    View target = at(place, sum);
    Dispatch.run(new Binary(BinaryFunction.ADD, target, Tensors.view(x), target), sum, x);
  }

  private static View at(UnaryOperator<Layout> place, Tensor x) {
    View view = Tensors.view(x);
    return view.with(place.apply(view.layout()));
  }

  /** Zeros of {@code shape} with {@code x} at a place; the adjoint of {@link #part}. */
  private static Tensor embed(String name, Tensor x, Shape shape, UnaryOperator<Layout> place) {
    Tensor out = Factories.full(shape, 0, x.dtype(), x.device());
    Dispatch.run(new Copy(Tensors.view(x), at(place, out)), out, x);
    return Graph.record(
        "embed",
        out,
        new Tensor[] {x},
        Graph.nothing(),
        (grad, saves) -> new Tensor[] {part(name, grad, place)});
  }

  /** {@link #expand(Tensor, Shape)} where −1 keeps the size of a dimension that x has. */
  public static Tensor expand(Tensor x, long... sizes) {
    long[] full = sizes.clone();
    int lead = full.length - x.rank();
    for (int d = Math.max(0, lead); d < full.length; d++) {
      full[d] = full[d] == -1 ? x.size(d - lead) : full[d];
    }
    return expand(x, Shape.of(full));
  }

  /**
   * Repeats dimensions of size 1, and adds dimensions in front; a view with stride 0.
   *
   * @throws ShapeMismatchException if x does not broadcast to {@code target}
   */
  public static Tensor expand(Tensor x, Shape target) {
    if (!Broadcasting.fits(x.shape(), target)) {
      throw new ShapeMismatchException(
          "expand: "
              + x.shape()
              + " does not broadcast to "
              + target
              + "; only sizes of 1 can be repeated");
    }
    // The edge of the graph sums the gradient back to x's shape.
    return view("expand", x, Tensors.layout(x).expand(target), grad -> grad);
  }

  /** A dimension of size 1 more, at {@code dim}; a view. */
  public static Tensor unsqueeze(Tensor x, int dim) {
    int axis = Check.dim("unsqueeze", dim, x.rank() + 1);
    long[] sizes = new long[x.rank() + 1];
    for (int d = 0; d < sizes.length; d++) {
      sizes[d] = d < axis ? x.size(d) : d == axis ? 1 : x.size(d - 1);
    }
    return reshape(x, sizes);
  }

  /** Without dimension {@code dim}, which must have size 1; a view. */
  public static Tensor squeeze(Tensor x, int dim) {
    int axis = Check.dim("squeeze", dim, x.rank());
    Check.that(
        x.size(axis) == 1,
        "squeeze",
        () -> "dimension " + dim + " of " + x.shape() + " is not of size 1");
    long[] sizes = new long[x.rank() - 1];
    for (int d = 0; d < sizes.length; d++) {
      sizes[d] = x.size(d < axis ? d : d + 1);
    }
    return reshape(x, sizes);
  }

  /**
   * Tensors one after another along a dimension; the others must agree.
   *
   * @throws ShapeMismatchException if they do not
   */
  public static Tensor cat(List<Tensor> parts, int dim) {
    Check.that(!parts.isEmpty(), "cat", "needs at least one tensor");
    Tensor head = parts.get(0);
    int axis = Check.dim("cat", dim, head.rank());
    long[] sizes = head.shape().toArray();
    sizes[axis] = 0;
    Shape shape = Shape.of(sizes);
    for (Tensor part : parts) {
      Check.alike("cat", head, part);
      long[] own = part.shape().toArray();
      boolean fits = own.length == sizes.length;
      for (int d = 0; fits && d < sizes.length; d++) {
        fits = d == axis || own[d] == sizes[d];
      }
      if (!fits) {
        throw new ShapeMismatchException(
            "cat: shapes "
                + head.shape()
                + " and "
                + part.shape()
                + " differ elsewhere than in dimension "
                + axis);
      }
      sizes[axis] += own[axis];
      shape = Shape.of(sizes); // objects before the next addition could overflow
    }
    Tensor out = Tensors.empty(shape, head.dtype(), Tensors.context(head));
    long[] starts = new long[parts.size() + 1];
    for (int i = 0; i < parts.size(); i++) {
      Tensor part = parts.get(i);
      starts[i + 1] = starts[i] + part.size(axis);
      Layout place = Tensors.layout(out).slice(axis, starts[i], starts[i + 1], 1);
      Dispatch.run(new Copy(Tensors.view(part), Tensors.view(out).with(place)), out, part);
    }
    return Graph.record(
        "cat",
        out,
        parts.toArray(Tensor[]::new),
        Graph.nothing(),
        (grad, saves) -> {
          @Nullable Tensor[] grads = new Tensor[starts.length - 1];
          for (int i = 0; i < grads.length; i++) {
            grads[i] = saves.needs(i) ? slice(grad, axis, starts[i], starts[i + 1], 1) : null;
          }
          return grads;
        });
  }
}
