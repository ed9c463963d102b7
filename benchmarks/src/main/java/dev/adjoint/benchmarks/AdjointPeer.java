package dev.adjoint.benchmarks;

import dev.adjoint.Adjoint;
import dev.adjoint.DType;
import dev.adjoint.Device;
import dev.adjoint.Scope;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.autograd.GradMode;
import dev.adjoint.nativecpu.Ceilings;
import dev.adjoint.optim.AdamW;
import dev.adjoint.optim.Optimizer;
import dev.adjoint.optim.Sgd;
import dev.adjoint.tck.Op;
import dev.adjoint.tck.OpCatalog;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Function;
import java.util.function.LongToDoubleFunction;
import java.util.function.Supplier;
import java.util.stream.DoubleStream;
import org.jspecify.annotations.Nullable;

/** One of our own devices. */
final class AdjointPeer implements Peer {
  /** The operations that the reference backend executes in about two seconds. */
  private static final double REFERENCE_WORK = 2e8;

  /** The elements of the copy that measures a GPU's bandwidth, if its memory is large enough. */
  private static final long LARGEST_COPY = 1 << 28;

  /** The rows and columns of the matrix product that measures a GPU's arithmetic, likewise. */
  private static final long LARGEST_PRODUCT = 8192;

  /** Each of these takes at most 1/16 of the GPU's memory. */
  private static final long CEILING_SHARE = 16;

  /** How long one batch of a ceiling measurement takes, in seconds. */
  private static final double CEILING_BATCH = 0.02;

  /** Elements that are filled at once, so that a process's peak is not that of its filling. */
  private static final long FILLED_AT_ONCE = 1 << 20;

  /** Rows of the {@link OpCatalog} by our names, where those differ. */
  private static final Map<String, String> CATALOG_NAMES =
      Map.of("attention", "attention causal", "sum_rows", "sum dim", "max_rows", "max dim");

  private final Device device;
  // Tensors outside any scope would each be registered for the collector.
  private final Scope scope;

  AdjointPeer(Device device) {
    this.device = device;
    Adjoint.setDefaultDevice(device);
    this.scope = Scope.open();
  }

  @Override
  public String version() {
    String version = "Adjoint " + Machine.adjointVersion();
    // The report on the machine tells of its processor only.
    return isGpu()
        ? version + "; " + String.join("; ", AdjointProviders.provider(device.type()).report())
        : version;
  }

  @Override
  public Optional<Workload> prepare(Case c) {
    if (device.equals(Device.REFERENCE) && c.operations() + 4 * c.bytes() > REFERENCE_WORK) {
      return Optional.empty();
    }
    return workload(c).map(workload -> isGpu() ? new Finished(workload, device) : workload);
  }

  private Optional<Workload> workload(Case c) {
    return switch (c) {
      case GemmCase gemm -> Optional.of(gemm(gemm));
      case OpCase op when op.isOptimizer() -> Optional.of(new OptimizerWorkload(op));
      case OpCase op -> Optional.of(new OpWorkload(op));
      case StepCase step -> Optional.of(new AdjointStep(device, step));
      case ProbeCase probe ->
          device.type().equals("cpu") ? Optional.of(probe(probe)) : Optional.empty();
    };
  }

  private static DType dtype(String name) {
    return Arrays.stream(DType.values())
        .filter(dtype -> dtype.suffix().equals(name))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException("no element type is called " + name));
  }

  private boolean isGpu() {
    return device.type().equals("cuda");
  }

  @Override
  public boolean isAsynchronous() {
    return isGpu();
  }

  /** What tensors took of the device, whatever the allocator kept beside it. */
  @Override
  public OptionalLong peakBytes() {
    return isGpu() ? OptionalLong.of(Adjoint.memory(device).peakBytes()) : OptionalLong.empty();
  }

  /** Runs on a device that is not waited for by itself. */
  private record Finished(Workload workload, Device device) implements Workload {
    @Override
    public void run() {
      workload.run();
    }

    @Override
    public void run(int times) {
      workload.run(times);
      Adjoint.synchronize(device);
    }

    @Override
    public double[] result() {
      return workload.result();
    }

    @Override
    public void close() {
      workload.close();
    }
  }

  /** A dense tensor of the device whose elements are a function of their place. */
  static Tensor filled(Device device, DType dtype, Shape shape, LongToDoubleFunction values) {
    Tensor all = Tensor.full(shape, 0, dtype, device);
    fill(all, values);
    return all;
  }

  /** Sets all elements of a dense tensor. */
  static void fill(Tensor all, LongToDoubleFunction values) {
    try (var _ = Scope.open();
        var _ = GradMode.off()) {
      Tensor flat = all.detach().reshape(all.numel());
      for (long start = 0; start < all.numel(); start += FILLED_AT_ONCE) {
        long first = start;
        int n = (int) Math.min(FILLED_AT_ONCE, all.numel() - first);
        double[] part = new double[n];
        Arrays.setAll(part, i -> values.applyAsDouble(first + i));
        try (var _ = Scope.open()) {
          Tensor wide = Tensor.of(part, Shape.of(n), all.device());
          flat.slice(0, first, first + n).copy_(wide.to(all.dtype()));
        }
      }
    }
  }

  private static Shape shape(List<Long> sizes) {
    return Shape.of(sizes.stream().mapToLong(Long::longValue).toArray());
  }

  /** Values of dense tensors, one after the other, at the places that are compared. */
  static double[] pick(List<Tensor> parts) {
    try (var _ = Scope.open();
        var _ = GradMode.off()) {
      List<Tensor> flat = parts.stream().map(x -> x.detach().reshape(x.numel())).toList();
      return Inputs.pick(
          flat.stream().mapToLong(Tensor::numel).sum(),
          i -> {
            long at = i;
            for (Tensor part : flat) {
              if (at < part.numel()) {
                return part.get(at);
              }
              at -= part.numel();
            }
            throw new IndexOutOfBoundsException();
          });
    }
  }

  private static void closeAll(List<Tensor> tensors) {
    tensors.forEach(Tensor::close);
  }

  // ---- gemm ----

  private Workload gemm(GemmCase c) {
    DType dtype = dtype(c.dtype());
    Tensor a =
        matrices(c.batch(), c.transA() ? c.k() : c.m(), c.transA() ? c.m() : c.k(), dtype, 0);
    Tensor b =
        matrices(c.batch(), c.transB() ? c.n() : c.k(), c.transB() ? c.k() : c.n(), dtype, 1);
    Tensor left = c.transA() ? a.t() : a;
    Tensor right = c.transB() ? b.t() : b;
    return new Recomputed(List.of(a, b, left, right), () -> left.matmul(right));
  }

  private Tensor matrices(long batch, long rows, long columns, DType dtype, int position) {
    Shape shape = batch == 1 ? Shape.of(rows, columns) : Shape.of(batch, rows, columns);
    return filled(device, dtype, shape, i -> Inputs.value(position, i));
  }

  /** Computes a tensor anew in each run; its memory comes back from the cache. */
  private static final class Recomputed implements Workload {
    private final List<Tensor> inputs;
    private final Supplier<Tensor> function;
    private @Nullable Tensor last;

    Recomputed(List<Tensor> inputs, Supplier<Tensor> function) {
      this.inputs = inputs;
      this.function = function;
    }

    @Override
    public void run() {
      if (last != null) {
        last.close();
      }
      last = function.get();
    }

    @Override
    public double[] result() {
      return pick(List.of(Objects.requireNonNull(last)));
    }

    @Override
    public void close() {
      if (last != null) {
        last.close();
      }
      closeAll(inputs);
    }
  }

  // ---- what a GPU can do ----

  @Override
  public double ceiling(String probe, double seconds) {
    long elements = LARGEST_COPY;
    long size = LARGEST_PRODUCT;
    long budget = Adjoint.memory(device).budget() / CEILING_SHARE;
    while (2 * Float.BYTES * elements > budget) {
      elements /= 2;
    }
    while (3 * Float.BYTES * size * size > budget) {
      size /= 2;
    }
    try (Workload workload =
        switch (probe) {
          case "copy" -> copy(elements);
          case "gemm_f32", "gemm_bf16" ->
              gemm(new GemmCase(probe.substring("gemm_".length()), size, size, size));
          default -> throw new IllegalArgumentException(probe);
        }) {
      double work = probe.equals("copy") ? 2.0 * Float.BYTES * elements : 2.0 * size * size * size;
      return work / medianSeconds(new Finished(workload, device), seconds);
    } finally {
      trim();
    }
  }

  private Workload copy(long elements) {
    Tensor source = Tensor.full(Shape.of(elements), 1, DType.F32, device);
    Tensor target = Tensor.full(Shape.of(elements), 0, DType.F32, device);
    return new Recomputed(List.of(source, target), () -> target.copy_(source).detach());
  }

  /** The median of batches that waiting hardly lengthens. */
  private static double medianSeconds(Workload workload, double seconds) {
    DoubleStream.Builder samples = DoubleStream.builder();
    int runs = 1;
    double took;
    long start = System.nanoTime();
    do {
      long before = System.nanoTime();
      workload.run(runs);
      took = (System.nanoTime() - before) * 1e-9;
      if (took < CEILING_BATCH) {
        runs *= 2;
      } else {
        samples.add(took / runs);
      }
    } while (took < CEILING_BATCH || (System.nanoTime() - start) * 1e-9 < seconds);
    return Statistics.median(samples.build().toArray());
  }

  // ---- ops ----

  private static Function<List<Tensor>, Tensor> function(String op) {
    if (op.equals("sum_cols")) {
      return x -> x.getFirst().sum(0);
    }
    if (op.equals("selects")) {
      return x -> selects(x.getFirst());
    }
    String name = CATALOG_NAMES.getOrDefault(op, op);
    return OpCatalog.OPS.stream()
        .filter(row -> row.name().equals(name))
        .findFirst()
        .map(Op::function)
        .orElseThrow(() -> new IllegalArgumentException("OpCatalog has no row for " + op));
  }

  private static Tensor selects(Tensor x) {
    Tensor sum = x.select(1, 0).tanh();
    for (long t = 1; t < x.size(1); t++) {
      sum = sum.add(x.select(1, t).tanh());
    }
    return sum;
  }

  private final class OpWorkload implements Workload {
    private final Function<List<Tensor>, Tensor> function;
    private final List<Tensor> inputs = new ArrayList<>();
    private final boolean backward;
    private final @Nullable Tensor upstream;
    private @Nullable Tensor output;

    OpWorkload(OpCase c) {
      function = function(c.op());
      backward = c.backward();
      for (int p = 0; p < c.inputs().size(); p++) {
        OpCase.Input input = c.inputs().get(p);
        int position = p;
        DType dtype = input.isIndex() ? DType.I64 : dtype(c.dtype());
        Tensor tensor =
            filled(
                device,
                dtype,
                shape(input.shape()),
                i -> input.isIndex() ? input.index(position, i) : input.value(position, i));
        inputs.add(tensor.requiresGrad_(backward && !input.isIndex()));
      }
      upstream = backward ? upstream(c) : null;
    }

    private Tensor upstream(OpCase c) {
      try (Tensor like = function.apply(inputs)) {
        return filled(device, like.dtype(), like.shape(), c::upstream);
      }
    }

    @Override
    public void run() {
      if (output != null) {
        output.close();
      }
      if (backward) {
        inputs.forEach(Tensor::zeroGrad);
        output = Scope.tidy(() -> function.apply(inputs));
        output.backward(upstream, false, false);
      } else {
        output = Scope.tidy(() -> function.apply(inputs));
      }
    }

    @Override
    public double[] result() {
      List<Tensor> parts = new ArrayList<>();
      parts.add(Objects.requireNonNull(output));
      inputs.stream()
          .filter(Tensor::requiresGrad)
          .forEach(input -> parts.add(Objects.requireNonNull(input.grad())));
      return pick(parts);
    }

    @Override
    public void close() {
      closeAll(inputs);
      if (output != null) {
        output.close();
      }
      if (upstream != null) {
        upstream.close();
      }
    }
  }

  private final class OptimizerWorkload implements Workload {
    private final List<Tensor> parameters = new ArrayList<>();
    private final Optimizer optimizer;

    OptimizerWorkload(OpCase c) {
      long first = 0;
      for (long size : c.tensorSizes()) {
        long start = first;
        Shape shape = Shape.of(size);
        Tensor parameter =
            filled(device, DType.F32, shape, i -> Inputs.value(0, start + i)).requiresGrad_(true);
        Tensor gradient = filled(device, DType.F32, shape, i -> Inputs.value(1, start + i));
        parameter.backward(gradient, false, false);
        gradient.close();
        parameters.add(parameter);
        first += size;
      }
      optimizer =
          c.op().equals("adamw")
              ? new AdamW(parameters, 1e-3)
              : Sgd.builder(1e-3).momentum(0.9).group(parameters).build();
      optimizer.initializeState();
    }

    @Override
    public void run() {
      optimizer.step();
    }

    @Override
    public double[] result() {
      return pick(parameters);
    }

    @Override
    public void close() {
      optimizer.close();
      closeAll(parameters);
    }
  }

  // ---- probes ----

  private Workload probe(ProbeCase c) {
    Ceilings ceilings = new Ceilings(device.detail());
    Runnable run =
        switch (c.name()) {
          case "downcall" -> ceilings::downcall;
          case "critical-downcall" -> ceilings::criticalDowncall;
          case "region" -> ceilings::emptyRegion;
          default -> throw new IllegalArgumentException(c.id());
        };
    return new Workload() {
      @Override
      public void run() {
        run.run();
      }

      @Override
      public double[] result() {
        return new double[0];
      }

      @Override
      public void close() {
        ceilings.close();
      }
    };
  }

  @Override
  public void trim() {
    Adjoint.emptyCache(device);
  }

  @Override
  public void close() {
    scope.close();
    trim();
  }
}
