package dev.adjoint.benchmarks.peers;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.openblas.global.openblas_nolapack;

/** What the libraries say of themselves. */
final class Versions {
  private Versions() {}

  /** A library's version: that of its preset, without the preset's own number behind it. */
  static String of(String artifact) {
    try {
      return Loader.getVersion("org.bytedeco", artifact).replaceFirst("-.*", "");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The OpenBLAS of this process, which may be a preloaded one: its version and kernels. */
  @SuppressWarnings("restricted")
  static String openBlas() {
    Loader.load(openblas_nolapack.class);
    Linker linker = Linker.nativeLinker();
    MemorySegment config =
        SymbolLookup.libraryLookup("libopenblas.so.0", Arena.global())
            .findOrThrow("openblas_get_config");
    try {
      MemorySegment text =
          (MemorySegment)
              linker
                  .downcallHandle(config, FunctionDescriptor.of(ValueLayout.ADDRESS))
                  .invokeExact();
      return text.reinterpret(Long.MAX_VALUE).getString(0).strip();
    } catch (Throwable e) {
      throw new IllegalStateException("openblas_get_config", e);
    }
  }
}
