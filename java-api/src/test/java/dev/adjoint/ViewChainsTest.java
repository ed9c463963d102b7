package dev.adjoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Random chains of views against the same chains with a dense copy after every step, which never
 * meet an unusual stride.
 */
@ExtendWith(Reference.class)
class ViewChainsTest {
  private static final int CHAINS = 400;
  private static final int STEPS = 5;

  private interface Step {
    Tensor apply(Tensor x);
  }

  private static Step randomStep(Random random, Shape shape) {
    int rank = shape.rank();
    int dim = rank == 0 ? 0 : random.nextInt(rank);
    long size = rank == 0 ? 1 : shape.size(dim);
    return switch (rank == 0 ? random.nextInt(2) : random.nextInt(8)) {
      case 0 -> {
        int at = random.nextInt(rank + 1);
        yield x -> x.unsqueeze(at);
      }
      case 1 -> {
        long[] target = reshaped(random, shape);
        yield x -> x.reshape(target);
      }
      case 2 -> {
        int other = random.nextInt(rank);
        yield x -> x.transpose(dim, other);
      }
      case 3 -> {
        long start = random.nextLong(size + 1);
        long end = start + random.nextLong(size - start + 1);
        long step = random.nextLong(1, 4);
        yield x -> x.slice(dim, start, end, step);
      }
      case 4 -> {
        long index = random.nextLong(Math.max(1, size));
        yield x -> size == 0 ? x : x.select(dim, index);
      }
      case 5 -> {
        long[] wider = shape.toArray();
        wider[dim] = size == 1 ? 3 : size;
        yield x -> x.expand(wider);
      }
      case 6 -> x -> size == 1 ? x.squeeze(dim) : x;
      default -> x -> x.slice(dim, 0, 2).mul(2);
    };
  }

  /** Another shape of as many elements: a factor split off somewhere, or everything joined. */
  private static long[] reshaped(Random random, Shape shape) {
    long[] flat = {shape.numel()};
    if (shape.numel() == 0 || random.nextInt(3) == 0) {
      return flat;
    }
    long[] sizes = shape.rank() == 0 ? flat : shape.toArray();
    int at = random.nextInt(sizes.length);
    long part = sizes[at] % 2 == 0 ? 2 : sizes[at] % 3 == 0 ? 3 : 1;
    long[] split = new long[sizes.length + 1];
    System.arraycopy(sizes, 0, split, 0, at);
    split[at] = part;
    split[at + 1] = sizes[at] / part;
    System.arraycopy(sizes, at + 1, split, at + 2, sizes.length - at - 1);
    // Joining two neighbours again, maybe others than those that were split.
    if (split.length > 2 && random.nextBoolean()) {
      int join = random.nextInt(split.length - 1);
      split[join] *= split[join + 1];
      System.arraycopy(split, join + 2, split, join + 1, split.length - join - 2);
      split = Arrays.copyOf(split, split.length - 1);
    }
    return split;
  }

  @Test
  void valuesAndGradientsDoNotDependOnStrides() {
    for (int seed = 0; seed < CHAINS; seed++) {
      Random random = new Random(seed);
      String chain = "chain " + seed;
      try (var _ = Scope.open()) {
        Tensor x = Tensor.arange(24, DType.F64, Device.REFERENCE).reshape(2, 3, 4).detach();
        x.requiresGrad_(true);
        Tensor dense = x.copy().detach().requiresGrad_(true);
        Tensor view = x;
        Tensor copy = dense;
        for (int i = 0; i < STEPS; i++) {
          Step step = randomStep(random, view.shape());
          view = step.apply(view);
          copy = step.apply(copy).copy();
          assertEquals(copy.shape(), view.shape(), chain);
          assertArrayEquals(copy.toDoubleArray(), view.toDoubleArray(), chain);
        }
        assertArrayEquals(copy.sum().toDoubleArray(), view.sum().toDoubleArray(), chain);
        assertArrayEquals(
            Tensor.cat(List.of(copy.unsqueeze(0), copy.unsqueeze(0)), 0).toDoubleArray(),
            Tensor.cat(List.of(view.unsqueeze(0), view.unsqueeze(0)), 0).toDoubleArray(),
            chain);
        copy.mul(copy).sum().backward();
        view.mul(view).sum().backward();
        Tensor expected = dense.grad();
        Tensor found = x.grad();
        assertArrayEquals(
            expected == null ? null : expected.toDoubleArray(),
            found == null ? null : found.toDoubleArray(),
            chain);
      }
    }
  }
}
