package dev.adjoint.nativecpu;

import dev.adjoint.Adjoint;
import dev.adjoint.DType;
import dev.adjoint.Device;
import dev.adjoint.Scope;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import dev.adjoint.tck.Op;
import dev.adjoint.tck.OpCatalog;
import dev.adjoint.tck.Tolerance;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;

/**
 * Runs every operation of the catalog on views of strange sizes, and operations on indices that
 * another thread changes meanwhile. Allowed is a result or a {@link TensorException}; all else, a
 * crash above all, is a fault. Runs in a JVM of its own, under {@link GuardedProvider}.
 */
final class Fuzz {
  private static final DType[] DTYPES = {DType.F32, DType.F32, DType.F64, DType.BF16, DType.F16};
  private static final long[] SMALL = {0, 1, 1, 2, 3, 7, 16, 33, 64, 97};
  private static final long[] GIANT = {
    1L << 31, (1L << 32) + 1, 1L << 48, 1L << 55, 1L << 56, 1L << 61, Long.MAX_VALUE
  };

  /** Catalog rows that are not about sizes leave these out. */
  private static final List<Op> MORE =
      List.of(
          op("cat of many", x -> Tensor.cat(Collections.nCopies(9, x.getFirst()), 0)),
          op(
              "cat of much and little",
              x -> {
                List<Tensor> parts = new ArrayList<>(Collections.nCopies(8, x.get(0)));
                parts.add(x.get(1));
                return Tensor.cat(parts, 0);
              }),
          op("softmax", x -> x.getFirst().softmax(0)),
          op("sums", x -> x.getFirst().sum(0).add(x.get(1).sum(1))),
          op("reshape", x -> x.getFirst().reshape(-1, x.getFirst().size(0))),
          op("slice", x -> x.getFirst().slice(1, 1, Long.MAX_VALUE, Long.MAX_VALUE).copy()),
          op("slices", x -> x.getFirst().slice(0, 0, 1L << 60, 3).add(x.get(1).select(0, -1))));

  /** Elements that are read within a moment; results of more are refused for want of memory. */
  private static final long READABLE = 1 << 17;

  private final Random random;

  private static Op op(String name, Function<List<Tensor>, Tensor> function) {
    Op.Input input = Op.Input.real(Shape.of(4, 5), -1, 1);
    return Op.of(name, Tolerance.EXACT, Tolerance.EXACT, function, input, input);
  }

  private Fuzz(long seed) {
    random = new Random(seed);
  }

  /**
   * Goes on until its time is over.
   *
   * @param args {@code views} or {@code races}, seconds, a seed
   */
  @SuppressWarnings("SystemOut")
  public static void main(String[] args) throws InterruptedException {
    Fuzz fuzz = new Fuzz(Long.parseLong(args[2]));
    long end = System.nanoTime() + Long.parseLong(args[1]) * 1_000_000_000;
    System.out.println(args[0].equals("views") ? fuzz.views(end) : fuzz.races(end));
  }

  // ---- views ----

  private String views(long end) {
    long done = 0;
    long refused = 0;
    while (System.nanoTime() - end < 0) {
      List<Op> ops = new ArrayList<>(OpCatalog.OPS);
      ops.addAll(MORE);
      for (Op op : ops) {
        Map<Long, Long> sizes = new HashMap<>();
        List<String> shapes = new ArrayList<>();
        try (var _ = Scope.open()) {
          run(op, sizes, shapes);
          done++;
        } catch (TensorException e) {
          refused++;
        } catch (RuntimeException | Error e) {
          throw new AssertionError(op + " with sizes " + sizes + " on " + shapes, e);
        }
      }
    }
    return done + " done, " + refused + " refused";
  }

  private void run(Op op, Map<Long, Long> sizes, List<String> shapes) {
    // Equal sizes of the row stay equal, so that most operands still fit each other.
    boolean giant = random.nextInt(3) == 0;
    DType dtype = DTYPES[random.nextInt(DTYPES.length)];
    List<Tensor> inputs = new ArrayList<>();
    long elements = 0;
    boolean empty = false;
    for (Op.Input input : op.inputs()) {
      Tensor x = input(input, dtype, sizes, giant);
      shapes.add(x.shape().toString());
      elements = Math.max(elements, x.numel());
      empty |= x.numel() == 0;
      inputs.add(x);
    }
    if (elements > READABLE && (empty || readsMoreThanItWrites(op))) {
      throw new TensorException("fuzz: would take too long");
    }
    Tensor result = op.function().apply(inputs);
    if (result.numel() <= READABLE) {
      result.toDoubleArray();
      if (result.requiresGrad()) {
        result.backward(result.detach().zerosLike(), false, false);
      }
    }
  }

  /** Sums over what is not there once for each element take as long as there are elements. */
  private static boolean readsMoreThanItWrites(Op op) {
    return List.of("sum", "mean", "max", "min", "argmax", "matmul", "linear", "attention")
            .contains(op.name().split("[ ,]", 2)[0])
        || op.name().startsWith("self-attention")
        || List.of("where", "sums").contains(op.name());
  }

  private Tensor input(Op.Input input, DType dtype, Map<Long, Long> sizes, boolean giant) {
    long[] wanted = input.shape().toArray();
    long[] base = new long[wanted.length];
    for (int d = 0; d < wanted.length; d++) {
      wanted[d] = sizes.computeIfAbsent(wanted[d], size -> newSize(size, giant));
      // What is large repeats one element; so do some of the others.
      base[d] = wanted[d] > 97 || random.nextInt(6) == 0 ? Math.min(1, wanted[d]) : wanted[d];
    }
    if (Shape.of(base).numel() > READABLE) {
      Arrays.setAll(base, d -> Math.min(1, wanted[d]));
    }
    DType type = input.dtype() == null ? dtype : input.dtype();
    Tensor x = leaf(base, type, Math.max(1, (int) input.high()));
    if (input.dtype() == null && random.nextBoolean()) {
      x = x.requiresGrad_(true);
    }
    return arranged(x).expand(wanted);
  }

  private long newSize(long size, boolean giant) {
    return switch (random.nextInt(4)) {
      case 0 -> SMALL[random.nextInt(SMALL.length)];
      case 1 -> giant ? GIANT[random.nextInt(GIANT.length)] : 1 + random.nextInt(70);
      default -> size;
    };
  }

  private Tensor leaf(long[] sizes, DType type, int bound) {
    Shape shape = Shape.of(sizes);
    double[] values = new double[Math.toIntExact(shape.numel())];
    for (int i = 0; i < values.length; i++) {
      values[i] = type.isFloating() ? random.nextGaussian() : random.nextInt(bound);
    }
    return Tensor.of(values, shape, Device.CPU).to(type).detach();
  }

  /** The same values, perhaps lying otherwise. */
  private Tensor arranged(Tensor x) {
    if (x.rank() == 0) {
      return x;
    }
    int dim = random.nextInt(x.rank());
    return switch (random.nextInt(4)) {
      case 0 -> x.transpose(dim, x.rank() - 1).contiguous().transpose(dim, x.rank() - 1);
      case 1 -> Tensor.cat(List.of(x, x), dim).slice(dim, x.size(dim), Long.MAX_VALUE, 1);
      case 2 -> x.unsqueeze(dim).slice(dim, 0, 1, Long.MAX_VALUE).squeeze(dim);
      default -> x;
    };
  }

  // ---- races ----

  private String races(long end) throws InterruptedException {
    AtomicLong[] counts = {new AtomicLong(), new AtomicLong()};
    List<Throwable> faults = new ArrayList<>();
    int count = 4096;
    long rows = 64;
    try (Tensor table = Tensor.randn(rows, 33).requiresGrad_(true);
        Tensor logits = Tensor.randn(count, rows).requiresGrad_(true);
        Tensor indices = Tensor.of(new long[count]);
        Tensor good = Tensor.of(new long[count]);
        Tensor bad = Tensor.full(Shape.of(count), 1e15, DType.I64, Device.CPU)) {
      Thread writer =
          new Thread(
              () -> {
                while (System.nanoTime() - end < 0) {
                  indices.detach().copy_(bad);
                  indices.detach().copy_(good);
                }
              });
      writer.start();
      List<Runnable> uses =
          List.of(
              () -> table.embedding(indices),
              () -> table.embedding(indices).sum().backward(),
              () -> logits.crossEntropy(indices),
              () -> logits.crossEntropy(indices).backward());
      while (System.nanoTime() - end < 0) {
        for (Runnable use : uses) {
          try (var _ = Scope.open()) {
            use.run();
            counts[0].incrementAndGet();
          } catch (TensorException e) {
            counts[1].incrementAndGet();
          } catch (RuntimeException e) {
            faults.add(e);
          }
        }
      }
      writer.join();
    }
    if (!faults.isEmpty()) {
      throw new AssertionError(faults.size() + " other exceptions", faults.getFirst());
    }
    return counts[0] + " done, " + counts[1] + " refused, live " + Adjoint.memory(Device.CPU);
  }
}
