package dev.adjoint.benchmarks.peers;

import dev.adjoint.benchmarks.Case;
import dev.adjoint.benchmarks.GemmCase;
import dev.adjoint.benchmarks.Inputs;
import dev.adjoint.benchmarks.OpCase;
import dev.adjoint.benchmarks.Peer;
import dev.adjoint.benchmarks.ProbeCase;
import dev.adjoint.benchmarks.StepCase;
import dev.adjoint.benchmarks.Workload;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** LibTorch's C++ functions from Java; every tensor is closed as soon as C++ would drop it. */
final class LibTorch implements Peer {
  @Override
  public String version() {
    return Versions.of("pytorch")
        + ", "
        + torch.get_cpu_capability().getString()
        + ", "
        + Versions.openBlas();
  }

  @Override
  public Optional<Workload> prepare(Case c) {
    return switch (c) {
      case GemmCase gemm -> Optional.of(new Product(gemm));
      case OpCase op -> TorchOps.prepare(op);
      case StepCase step -> TorchSteps.prepare(step);
      case ProbeCase _ -> Optional.empty();
    };
  }

  @Override
  public void close() {}

  private static final class Product implements Workload {
    private final String dtype;
    private final Tensor a;
    private final Tensor b;
    private Tensor out = new Tensor();

    Product(GemmCase gemm) {
      this.dtype = gemm.dtype();
      this.a = matrix(0, gemm, gemm.m(), gemm.k(), gemm.transA());
      this.b = matrix(1, gemm, gemm.k(), gemm.n(), gemm.transB());
    }

    private static Tensor matrix(
        int position, GemmCase gemm, long rows, long columns, boolean transposed) {
      long first = transposed ? columns : rows;
      long second = transposed ? rows : columns;
      long[] shape =
          gemm.batch() == 1 ? new long[] {first, second} : new long[] {gemm.batch(), first, second};
      Tensor stored = Torch.tensor(gemm.dtype(), i -> Inputs.value(position, i), shape);
      if (!transposed) {
        return stored;
      }
      try (stored) {
        return stored.transpose(-2, -1);
      }
    }

    @Override
    public void run() {
      out.close();
      out = torch.matmul(a, b);
    }

    @Override
    public double[] result() {
      return Torch.pick(dtype, List.of(out));
    }

    @Override
    public void close() {
      out.close();
      a.close();
      b.close();
    }
  }
}
