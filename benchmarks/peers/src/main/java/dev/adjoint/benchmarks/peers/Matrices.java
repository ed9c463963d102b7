package dev.adjoint.benchmarks.peers;

import dev.adjoint.benchmarks.GemmCase;
import dev.adjoint.benchmarks.Inputs;
import java.lang.foreign.Arena;
import java.util.List;
import org.bytedeco.javacpp.Pointer;

/** A matrix product's operands and result, for libraries that compute on addresses. */
final class Matrices implements AutoCloseable {
  /**
   * {@code GLIBC_TUNABLES} of a process of such a library: large blocks lie on huge pages, as ours
   * do, so that arithmetic is compared and not page walks.
   */
  static final String HUGE_PAGES = "glibc.malloc.hugetlb=1";

  private static final long CACHE_LINE = 64;

  private final Arena arena = Arena.ofConfined();
  private final GemmCase gemm;
  private final Values a;
  private final Values b;
  private final Values out;

  Matrices(GemmCase gemm) {
    this.gemm = gemm;
    this.a = allocate(gemm.batch() * gemm.m() * gemm.k(), gemm.dtype());
    this.b = allocate(gemm.batch() * gemm.k() * gemm.n(), gemm.dtype());
    this.out = allocate(gemm.batch() * gemm.m() * gemm.n(), gemm.dtype());
    a.fill(i -> Inputs.value(0, i));
    b.fill(i -> Inputs.value(1, i));
  }

  private Values allocate(long elements, String dtype) {
    return new Values(arena.allocate(elements * Values.bytes(dtype), CACHE_LINE), dtype);
  }

  /** The address of matrix number {@code i} of each batch. */
  Pointer a(long i) {
    return new Address(a, i * gemm.m() * gemm.k());
  }

  Pointer b(long i) {
    return new Address(b, i * gemm.k() * gemm.n());
  }

  Pointer out(long i) {
    return new Address(out, i * gemm.m() * gemm.n());
  }

  double[] result() {
    return Values.pick(List.of(out));
  }

  @Override
  public void close() {
    arena.close();
  }

  /** An address as the presets want it. */
  private static final class Address extends Pointer {
    Address(Values values, long element) {
      this.address = values.memory().address() + element * Values.bytes(values.dtype());
    }
  }
}
