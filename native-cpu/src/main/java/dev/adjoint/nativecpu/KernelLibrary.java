package dev.adjoint.nativecpu;

import dev.adjoint.DType;
import dev.adjoint.TensorException;
import dev.adjoint.spi.KernelFamily;
import dev.adjoint.spi.KernelTable;
import dev.adjoint.spi.UnaryKernel;
import java.lang.foreign.MemorySegment;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** All kernels of one variant, resolved by name when it is loaded. */
final class KernelLibrary {
  final String variant;
  final NativeLibrary library;
  private final MemorySegment runner;

  final KernelTable<Kernel> table;
  final Products gemm;
  final Products gemmInBf16;
  final Products gemmOfBf16;
  final KernelFamily<Kernel> normGradScratchBytes;
  final KernelFamily<Kernel> attentionScratchBytes;
  final KernelFamily<Kernel> attentionGradScratchBytes;

  /**
   * Resolves every kernel.
   *
   * @param variant the instruction-set level that the library was compiled for
   * @param runner {@code adj_run} of the base library
   * @throws TensorException naming the library and the first kernel that it lacks
   */
  KernelLibrary(String variant, NativeLibrary library, MemorySegment runner) {
    this.variant = variant;
    this.library = library;
    this.runner = runner;
    table = new KernelTable<>(this::kernel, KernelTable.FLOATING);
    gemm = new Products("", KernelTable.FLOATING);
    gemmInBf16 = new Products("_bf16", Set.of(DType.F32));
    gemmOfBf16 = new Products("_halves", Set.of(DType.F32));
    normGradScratchBytes = family("norm_grad_scratch_bytes", KernelTable.FLOATING);
    attentionScratchBytes = family("attention_scratch_bytes", KernelTable.FLOATING);
    attentionGradScratchBytes = family("attention_grad_scratch_bytes", KernelTable.FLOATING);
  }

  private KernelFamily<Kernel> family(String name, Set<DType> dtypes) {
    return new KernelFamily<>(this::kernel, name, dtypes);
  }

  /**
   * The kernel {@code adj_<name>}.
   *
   * @throws TensorException if the library does not have it
   */
  Kernel kernel(String name) {
    return new Kernel(name, library.function("adj_" + name), runner);
  }

  /** Matrix products of one kind of factors, alone or with an activation at their end. */
  final class Products {
    private final KernelFamily<Kernel> alone;
    private final KernelFamily.ByEnum<UnaryKernel, Kernel> activated;
    final KernelFamily<Kernel> scratchBytes;

    private Products(String factors, Set<DType> dtypes) {
      alone = family("gemm" + factors, dtypes);
      activated =
          new KernelFamily.ByEnum<>(
              UnaryKernel.class, k -> family("gemm_" + k.symbol() + factors, dtypes));
      scratchBytes = family("gemm_scratch_bytes" + factors, dtypes);
    }

    Kernel of(@Nullable UnaryKernel activation, DType dtype) {
      return activation == null ? alone.of(dtype) : activated.of(activation, dtype);
    }
  }
}
