package dev.adjoint.nativecpu;

import dev.adjoint.TensorException;
import dev.adjoint.spi.AttentionKernels.Attention;
import dev.adjoint.spi.AttentionKernels.AttentionGrad;
import dev.adjoint.spi.Gemm;
import dev.adjoint.spi.Kernel;
import dev.adjoint.spi.NormKernels;
import dev.adjoint.spi.Symbol;
import dev.adjoint.spi.Symbols;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** All kernels of one variant, resolved by name when it is loaded. */
final class KernelLibrary {
  final String variant;
  final NativeLibrary library;
  private final MemorySegment runner;

  /** By the numbers of their symbols; null for what is no kernel of this backend. */
  private @Nullable NativeFunction[] kernels = {};

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
    Stream.of(
            Kernel.symbols(Symbols.FLOATING),
            Gemm.symbols(),
            Stream.of(
                    NormKernels.RmsNormGrad.SCRATCH_BYTES,
                    Attention.NAMES,
                    Attention.SCRATCH_BYTES,
                    AttentionGrad.NAMES,
                    AttentionGrad.SCRATCH_BYTES)
                .flatMap(symbols -> symbols.all(Symbols.FLOATING)))
        .flatMap(symbols -> symbols)
        .forEach(this::resolve);
  }

  private void resolve(Symbol symbol) {
    if (symbol.index() >= kernels.length) {
      kernels = Arrays.copyOf(kernels, 2 * symbol.index() + 1);
    }
    kernels[symbol.index()] = function(symbol.name());
  }

  /**
   * A function of the seam.
   *
   * @throws TensorException if this backend does not have it
   */
  NativeFunction of(Symbol symbol) {
    int index = symbol.index();
    NativeFunction kernel = index < kernels.length ? kernels[index] : null;
    if (kernel == null) {
      throw new TensorException("cpu: there is no kernel " + symbol);
    }
    return kernel;
  }

  /**
   * The function {@code adj_<name>}, of the seam or not.
   *
   * @throws TensorException if the library does not have it
   */
  NativeFunction function(String name) {
    return new NativeFunction(name, library.function("adj_" + name), runner);
  }
}
