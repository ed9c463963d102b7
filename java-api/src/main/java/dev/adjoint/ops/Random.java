package dev.adjoint.ops;

import dev.adjoint.spi.Kernel;
import dev.adjoint.spi.RandomKernels.Uniform;
import dev.adjoint.spi.RandomKernels.Normal;
import dev.adjoint.spi.RandomKernels.Dropout;
import dev.adjoint.spi.RandomKernels.NextKey;
import dev.adjoint.DType;
import dev.adjoint.Device;
import dev.adjoint.Generator;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.graph.Graph;
import dev.adjoint.internal.Check;
import dev.adjoint.internal.Dispatch;
import dev.adjoint.internal.Tensors;
import dev.adjoint.spi.View;
import java.util.List;

/** Random tensors and dropout, from a {@link Generator}'s counter. */
public final class Random {
  private Random() {}

  /** Uniform on [low, high); F32 or F64. */
  public static Tensor uniform(
      Shape shape, double low, double high, DType dtype, Device device, Generator generator) {
    return drawn(
        "uniform", shape, dtype, generator, device, (key, out) -> new Uniform(key, out, low, high));
  }

  /** Normal with the given mean and standard deviation; F32 or F64. */
  public static Tensor normal(
      Shape shape, double mean, double std, DType dtype, Device device, Generator generator) {
    return drawn(
        "normal", shape, dtype, generator, device, (key, out) -> new Normal(key, out, mean, std));
  }

  /** A kernel that fills a tensor from a key. */
  private interface Fill {
    Kernel of(View key, View out);
  }

  private static Tensor drawn(
      String op, Shape shape, DType dtype, Generator generator, Device device, Fill fill) {
    Tensor out = Tensors.empty(shape, dtype, device);
    Check.wide(op, out);
    try (Tensor key = nextKey(generator, device)) {
      Dispatch.run(fill.of(Tensors.view(key), Tensors.view(out)), out, key);
    }
    return out;
  }

  /**
   * Zeroes each element with probability p and scales the others by 1/(1 − p) (Srivastava et al.
   * 2014); x itself if p is 0.
   */
  public static Tensor dropout(Tensor x, double p, Generator generator) {
    Check.floating("dropout", x);
    Check.probability("dropout", p);
    if (Halves.widens(x)) {
      return Halves.widened(wide -> dropout(wide[0], p, generator), x);
    }
    if (p == 0) {
      return x;
    }
    if (p == 1) { // chosen, since 0 times infinity is NaN
      return Tensors.tidy(
          () -> {
            Tensor drop = Tensor.full(Shape.scalar(), 1, DType.BOOL, x.device());
            Tensor zero = Tensor.full(Shape.scalar(), 0, x.dtype(), x.device());
            return Tensor.where(drop, zero, x);
          });
    }
    return Tensors.tidy(() -> masked(x, p, nextKey(generator, x.device())));
  }

  private static Tensor masked(Tensor x, double p, Tensor key) {
    Tensor dense = Movement.contiguous(x);
    Tensor out = Tensors.emptyLike(dense);
    Dispatch.run(
        new Dropout(Tensors.view(key), Tensors.view(dense), Tensors.view(out), p), out, dense, key);
    // The mask is never stored: the gradient draws it again from the same key.
    return Graph.record(
        "dropout",
        out,
        new Tensor[] {dense},
        new Tensor[] {key},
        (g, saves) -> new Tensor[] {masked(g, p, saves.get(0))});
  }

  private static Tensor nextKey(Generator generator, Device device) {
    Tensor key = Tensors.emptyLike(generator.state(device)); // not under the lock: it may wait
    synchronized (generator) { // no two operations get the same key
      Tensor state = generator.state(device);
      Dispatch.runAll(
          new NextKey(Tensors.view(state), Tensors.view(key)), List.of(state, key), List.of());
      return key;
    }
  }
}
