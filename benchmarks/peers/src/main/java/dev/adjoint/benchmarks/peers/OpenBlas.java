package dev.adjoint.benchmarks.peers;

import static org.bytedeco.openblas.global.openblas_nolapack.CblasNoTrans;
import static org.bytedeco.openblas.global.openblas_nolapack.CblasRowMajor;
import static org.bytedeco.openblas.global.openblas_nolapack.CblasTrans;
import static org.bytedeco.openblas.global.openblas_nolapack.cblas_dgemm;
import static org.bytedeco.openblas.global.openblas_nolapack.cblas_sgemm;

import dev.adjoint.benchmarks.Case;
import dev.adjoint.benchmarks.GemmCase;
import dev.adjoint.benchmarks.Peer;
import dev.adjoint.benchmarks.Workload;
import java.util.Optional;
import java.util.stream.IntStream;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;

/** {@code cblas_sgemm} and {@code cblas_dgemm}; a batch is one call after the other. */
final class OpenBlas implements Peer {
  @Override
  public String version() {
    return Versions.openBlas();
  }

  @Override
  public Optional<Workload> prepare(Case c) {
    return c instanceof GemmCase gemm && !gemm.dtype().equals("bf16")
        ? Optional.of(new Product(gemm))
        : Optional.empty();
  }

  @Override
  public void close() {}

  private static final class Product implements Workload {
    private final Matrices matrices;
    private final Runnable[] calls;

    Product(GemmCase gemm) {
      this.matrices = new Matrices(gemm);
      this.calls =
          IntStream.range(0, Math.toIntExact(gemm.batch()))
              .mapToObj(i -> call(gemm, i))
              .toArray(Runnable[]::new);
    }

    private Runnable call(GemmCase gemm, int i) {
      int transA = gemm.transA() ? CblasTrans : CblasNoTrans;
      int transB = gemm.transB() ? CblasTrans : CblasNoTrans;
      int m = Math.toIntExact(gemm.m());
      int n = Math.toIntExact(gemm.n());
      int k = Math.toIntExact(gemm.k());
      int lda = gemm.transA() ? m : k;
      int ldb = gemm.transB() ? k : n;
      if (gemm.dtype().equals("f64")) {
        DoublePointer a = new DoublePointer(matrices.a(i));
        DoublePointer b = new DoublePointer(matrices.b(i));
        DoublePointer out = new DoublePointer(matrices.out(i));
        return () ->
            cblas_dgemm(CblasRowMajor, transA, transB, m, n, k, 1, a, lda, b, ldb, 0, out, n);
      }
      FloatPointer a = new FloatPointer(matrices.a(i));
      FloatPointer b = new FloatPointer(matrices.b(i));
      FloatPointer out = new FloatPointer(matrices.out(i));
      return () ->
          cblas_sgemm(CblasRowMajor, transA, transB, m, n, k, 1, a, lda, b, ldb, 0, out, n);
    }

    @Override
    public void run() {
      for (Runnable call : calls) {
        call.run();
      }
    }

    @Override
    public double[] result() {
      return matrices.result();
    }

    @Override
    public void close() {
      matrices.close();
    }
  }
}
