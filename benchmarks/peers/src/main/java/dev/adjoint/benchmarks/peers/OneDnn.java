package dev.adjoint.benchmarks.peers;

import dev.adjoint.benchmarks.Case;
import dev.adjoint.benchmarks.GemmCase;
import dev.adjoint.benchmarks.Peer;
import dev.adjoint.benchmarks.Workload;
import java.util.List;
import java.util.Optional;
import org.bytedeco.dnnl.IntMemoryMap;
import org.bytedeco.dnnl.engine;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.matmul;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.primitive_attr;
import org.bytedeco.dnnl.stream;
import org.bytedeco.javacpp.Pointer;

/** Matrix products on plain dense matrices: made once, then executed. */
final class OneDnn implements Peer {
  private final engine cpu = new engine(dnnl.dnnl_cpu, 0);
  private final stream queue = new stream(cpu);

  @Override
  public String version() {
    return Versions.of("dnnl") + ", " + dnnl.get_effective_cpu_isa().intern();
  }

  @Override
  public Optional<Workload> prepare(Case c) {
    if (!(c instanceof GemmCase gemm) || gemm.dtype().equals("f64")) {
      return Optional.empty();
    }
    matmul.primitive_desc description = describe(gemm);
    // What the CPU has no instructions for is refused, or runs in a plain loop that nobody would
    // use.
    if (description.get(true) == null
        || description.impl_info_str().getString().startsWith("ref")) {
      description.close();
      return Optional.empty();
    }
    return Optional.of(new Product(gemm, description));
  }

  private matmul.primitive_desc describe(GemmCase gemm) {
    memory.data_type type =
        gemm.dtype().equals("f32") ? memory.data_type.f32 : memory.data_type.bf16;
    try (memory.desc a = layout(type, gemm.batch(), gemm.m(), gemm.k(), gemm.transA());
        memory.desc b = layout(type, gemm.batch(), gemm.k(), gemm.n(), gemm.transB());
        memory.desc out = layout(type, gemm.batch(), gemm.m(), gemm.n(), false);
        primitive_attr attributes = new primitive_attr()) {
      return new matmul.primitive_desc(cpu, a, b, out, attributes, true);
    }
  }

  private static memory.desc layout(
      memory.data_type type, long batch, long rows, long columns, boolean transposed) {
    long rowStride = transposed ? 1 : columns;
    long columnStride = transposed ? rows : 1;
    return batch == 1
        ? new memory.desc(new long[] {rows, columns}, type, new long[] {rowStride, columnStride})
        : new memory.desc(
            new long[] {batch, rows, columns},
            type,
            new long[] {rows * columns, rowStride, columnStride});
  }

  @Override
  public void close() {
    queue.close();
    cpu.close();
  }

  private final class Product implements Workload {
    private final Matrices matrices;
    private final matmul.primitive_desc description;
    private final matmul product;
    private final List<memory> memories;
    private final IntMemoryMap arguments = new IntMemoryMap();

    Product(GemmCase gemm, matmul.primitive_desc description) {
      this.matrices = new Matrices(gemm);
      this.description = description;
      this.product = new matmul(description);
      this.memories =
          List.of(
              argument(dnnl.DNNL_ARG_SRC, description.src_desc(), matrices.a(0)),
              argument(dnnl.DNNL_ARG_WEIGHTS, description.weights_desc(), matrices.b(0)),
              argument(dnnl.DNNL_ARG_DST, description.dst_desc(), matrices.out(0)));
    }

    private memory argument(int role, memory.desc layout, Pointer address) {
      try (layout) {
        memory argument = new memory(layout, cpu, address);
        arguments.put(role, argument);
        return argument;
      }
    }

    @Override
    public void run() {
      product.execute(queue, arguments);
      queue._wait();
    }

    @Override
    public double[] result() {
      return matrices.result();
    }

    @Override
    public void close() {
      arguments.close();
      memories.forEach(memory::close);
      product.close();
      description.close();
      matrices.close();
    }
  }
}
