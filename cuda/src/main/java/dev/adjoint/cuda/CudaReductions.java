package dev.adjoint.cuda;

import dev.adjoint.spi.ReductionKernels.Reduce;
import dev.adjoint.spi.ReductionKernels.Argmax;
import dev.adjoint.spi.ReductionKernels.SumSquares;
import dev.adjoint.DType;
import dev.adjoint.Shape;
import dev.adjoint.spi.Iteration;
import dev.adjoint.spi.Layout;
import dev.adjoint.spi.ReductionKernels;
import dev.adjoint.spi.View;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/** Launches of reduce.cu. */
final class CudaReductions {
  private static final int MAX_THREADS = 1024;
  private static final int MAX_GRID_Y = 65535;

  /** Rows of at least so many elements are a block's work, shorter ones a warp's or less. */
  private static final int LONG_ROW = 1024;

  /** Steps that make a part worth its second stage, for each thread that works on a result. */
  private static final int PART_STEPS_PER_THREAD = 16;

  /** Blocks for each multiprocessor that keep it busy; with fewer, results are cut into parts. */
  private static final int ENOUGH_BLOCKS = 4;

  /** Packets of columns that neighbouring threads read: together a line of 128 bytes. */
  private static final int LINE_PACKETS = 8;

  private static final int ARGMAX_HEAD_WORDS = 6;
  private static final int SUM_SQUARES_HEAD_WORDS = 2;

  private final CudaDevice device;

  CudaReductions(CudaDevice device) {
    this.device = device;
  }

  CudaCall call(ReductionKernels kernel) {
    return switch (kernel) {
      case Reduce k -> reduce(k);
      case Argmax k -> argmax(k);
      case SumSquares k -> sumSquares(k);
    };
  }

  // ---- over any loops ----

  private CudaCall reduce(Reduce k) {
    View x = k.x();
    View out = k.out();
    Plan plan = new Plan(device, x, out);
    CudaKernel first = plan.columns ? columns(k) : device.kernels().of(k);
    Loops.check(first, plan.words[Plan.HEAD_WORDS], x.layout().shape());
    Launch launch = new Launch(first, plan.words, plan.blocks, plan.parts, Grid.THREADS, 0);
    if (plan.parts == 1) {
      return new CudaCall(device, launch);
    }
    CudaKernel second = device.kernels().reduceFinish.of(k.function(), out.dtype());
    int blocks = Math.toIntExact(Math.ceilDiv(plan.results * Grid.WARP, Grid.THREADS));
    return new CudaCall(
        first.name(),
        device,
        List.of(launch, new Launch(second, plan.words, blocks, 1, Grid.THREADS, 0)));
  }

  private CudaKernel columns(Reduce k) {
    DType from = k.x().dtype();
    return from == k.out().dtype()
        ? device.kernels().reduceColumns.of(k.function(), from)
        : device.kernels().reduceColumnsSumToF32.of(from);
  }

  /** How a reduction is cut into blocks: {@code adj_reduce_plan_args}. */
  private static final class Plan {
    private static final int RESULTS = 3;
    private static final int STEPS = 4;
    private static final int PARTS = 5;
    private static final int WIDTH = 6;
    private static final int ALONG = 7;
    private static final int KEPT = 8;
    private static final int HEAD_WORDS = 9;

    final long[] words;

    /** Whether a thread takes a packet of neighbouring results. */
    final boolean columns;

    final long results;
    final int blocks;
    final int parts;

    Plan(CudaDevice device, View x, View out) {
      int[] order = order(x.layout(), out.layout());
      words =
          Iteration.pack(
              HEAD_WORDS,
              x.layout().permute(order),
              out.layout().expand(x.layout().shape()).permute(order));
      words[0] = x.address();
      words[1] = out.address();
      words[2] = device.workspace().address();
      int depth = (int) words[HEAD_WORDS];
      int kept = 0;
      while (kept < depth && stride(1, kept) != 0) {
        kept++;
      }
      results = steps(0, kept);
      long steps = steps(kept, depth);
      boolean along =
          kept == 0
              || (kept < depth && Math.abs(stride(0, depth - 1)) <= Math.abs(stride(0, kept - 1)));
      columns = !along && startsPackets(x, kept);
      long items = columns ? results / Grid.packet(x.dtype().bytes()) : results;
      long height = along ? heightAlong(steps) : heightAcross(items, steps);
      long width = Grid.THREADS / height;
      blocks = Math.toIntExact(Math.ceilDiv(items, width));
      parts = (int) parts(device, steps, height);
      words[RESULTS] = results;
      words[STEPS] = steps;
      words[PARTS] = parts;
      words[WIDTH] = width;
      words[ALONG] = along ? 1 : 0;
      words[KEPT] = kept;
    }

    /** The kept dimensions, then the reduced ones, of each the densest in x last. */
    private static int[] order(Layout x, Layout out) {
      return IntStream.range(0, x.rank())
          .boxed()
          .sorted(
              Comparator.<Integer>comparingInt(d -> out.size(d) == x.size(d) ? 0 : 1)
                  .thenComparingLong(d -> -Math.abs(x.stride(d))))
          .mapToInt(Integer::intValue)
          .toArray();
    }

    private long stride(int operand, int loop) {
      int depth = (int) words[HEAD_WORDS];
      return words[HEAD_WORDS + 1 + depth * (1 + operand) + loop];
    }

    /** Of the loops from one to before another. */
    private long steps(int from, int to) {
      long steps = 1;
      for (int loop = from; loop < to; loop++) {
        steps *= words[HEAD_WORDS + 1 + loop];
      }
      return steps;
    }

    /** Whether in x packets are neighbouring results, at all steps, and nothing is left over. */
    private boolean startsPackets(View x, int kept) {
      int last = kept - 1;
      long packet = Grid.packet(x.dtype().bytes());
      boolean packets =
          stride(0, last) == 1
              && steps(last, kept) % packet == 0
              && x.address() % Grid.PACKET_BYTES == 0;
      for (int loop = 0; loop < words[HEAD_WORDS]; loop++) {
        packets &= loop == last || stride(0, loop) % packet == 0;
      }
      return packets;
    }

    /** How many threads work on a result whose elements are neighbours. */
    private static long heightAlong(long steps) {
      return steps >= LONG_ROW ? Grid.THREADS : Math.min(Grid.WARP, Grid.powerOfTwo(steps));
    }

    /** The same where neighbours belong to different results, or to packets of them. */
    private long heightAcross(long items, long steps) {
      long width = Math.min(columns ? LINE_PACKETS : Grid.WARP, Grid.powerOfTwo(items));
      return Math.min(Grid.THREADS / width, Grid.powerOfTwo(steps));
    }

    private long parts(CudaDevice device, long steps, long height) {
      long wanted = Math.ceilDiv((long) ENOUGH_BLOCKS * device.multiprocessors(), blocks);
      long useful = steps / (PART_STEPS_PER_THREAD * height);
      long room = device.workspace().bytes() / (Long.BYTES * results);
      return Math.max(1, Math.min(Math.min(wanted, useful), Math.min(room, MAX_GRID_Y)));
    }
  }

  // ---- argmax ----

  private CudaCall argmax(Argmax k) {
    View x = k.x();
    long cols = x.layout().size(-1);
    int threads = Math.clamp(Grid.powerOfTwo(cols), Grid.WARP, MAX_THREADS);
    int rows = Math.toIntExact(k.out().numel());
    int parts = (int) argmaxParts(rows, cols / ((long) PART_STEPS_PER_THREAD * threads));
    long[] plan = {device.workspace().address(), parts};
    long[] words = Words.join(plan, k.words());
    CudaKernel kernel = device.kernels().of(k);
    Loops.check(kernel, words[ARGMAX_HEAD_WORDS], x.layout().shape());
    Launch launch = new Launch(kernel, words, rows, parts, threads, 0);
    if (parts == 1) {
      return new CudaCall(device, launch);
    }
    CudaKernel finish = device.kernels().argmaxFinish.of(x.dtype());
    return new CudaCall(
        kernel.name(), device, List.of(launch, new Launch(finish, words, rows, 1, Grid.WARP, 0)));
  }

  /** Parts of each row: with all rows together so few that any workspace has room for them. */
  private long argmaxParts(int rows, long useful) {
    long wanted = Math.ceilDiv(ENOUGH_BLOCKS * device.multiprocessors(), Math.max(1, rows));
    return Math.clamp(useful, 1, wanted);
  }

  // ---- sum of squares ----

  private CudaCall sumSquares(SumSquares k) {
    CudaKernel kernel = device.kernels().of(k);
    long partials = TensorLists.chunks(k.xs());
    List<CudaCall.Step> steps =
        new ArrayList<>(
            TensorLists.launches(
                kernel,
                k.xs(),
                SUM_SQUARES_HEAD_WORDS,
                2,
                (from, to, before) ->
                    new SumSquares(partial(before), k.xs().subList(from, to)).words()));
    long[] words = {device.workspace().address(), k.out().address(), partials};
    steps.add(new Launch(device.kernels().sumPartials, words, 1, 1, Grid.THREADS, 0));
    return new CudaCall(kernel.name(), device, steps);
  }

  /** Where in the workspace a partial sum lies. */
  private View partial(long i) {
    Layout layout = Layout.of(Shape.of(1), new long[] {1}, i);
    return new View(device.workspace(), layout, DType.F64);
  }
}
