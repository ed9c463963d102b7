package dev.adjoint.spi;

import static dev.adjoint.spi.Words.cols;
import static dev.adjoint.spi.Words.rows;

import dev.adjoint.spi.Symbols.Types;
import java.util.stream.Stream;

/**
 * Rows of tables by index. An index out of range has status {@link
 * KernelStatusException#INDEX_OUT_OF_RANGE}, before any write; of an {@linkplain
 * Backend#isAsynchronous asynchronous} backend only the rows with such indices stay as they were.
 */
public sealed interface IndexKernels extends Kernel {
  /** The names of these kernels. */
  static Stream<Symbols> names() {
    return Stream.of(Gather.NAMES, ScatterAdd.NAMES);
  }

  /**
   * {@code out[i] = table[indices[i]]}, indices in [0, V).
   *
   * @param table contiguous [V, D], any dtype
   * @param indices contiguous I64 [n]
   * @param out contiguous [n, D]
   */
  record Gather(View table, View indices, View out) implements IndexKernels {
    private static final Symbols NAMES = new Symbols("gather");

    @Override
    public Symbol symbol() {
      return NAMES.of(out.dtype());
    }

    @Override
    public long[] words() {
      return new long[] {
        table.address(),
        indices.address(),
        out.address(),
        rows(table),
        indices.numel(),
        cols(table) * table.dtype().bytes()
      };
    }

    @Override
    public long elements() {
      return out.numel();
    }
  }

  /**
   * {@code out[indices[i]] += x[i]}, in the order of i whatever the thread count (deterministic).
   *
   * @param x contiguous [n, D], F32 or F64
   * @param indices contiguous I64 [n]
   * @param out contiguous [V, D]
   */
  record ScatterAdd(View x, View indices, View out) implements IndexKernels {
    private static final Symbols NAMES = new Symbols("scatter_add", Types.WIDE);

    @Override
    public Symbol symbol() {
      return NAMES.of(x.dtype());
    }

    @Override
    public long[] words() {
      return new long[] {
        x.address(), indices.address(), out.address(), rows(out), indices.numel(), cols(out)
      };
    }

    @Override
    public long elements() {
      return x.numel();
    }
  }
}
