package dev.adjoint.cuda;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.adjoint.TensorException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;

/**
 * A library of CUDA, loaded until the JVM ends.
 *
 * @param path where it lies
 * @param symbols its functions
 */
@SuppressWarnings("restricted") // this module exists to call native code
record SharedLibrary(Path path, SymbolLookup symbols) {
  private static final Linker LINKER = Linker.nativeLinker();

  /**
   * Loads a library.
   *
   * @throws TensorException if that fails
   */
  static SharedLibrary load(Path path) {
    try {
      return new SharedLibrary(path, SymbolLookup.libraryLookup(path, Arena.global()));
    } catch (IllegalCallerException e) {
      Module self = SharedLibrary.class.getModule();
      String modules = self.isNamed() ? self.getName() + ",jcuda,jcublas" : "ALL-UNNAMED";
      throw new TensorException("cuda: Java needs the option --enable-native-access=" + modules, e);
    } catch (IllegalArgumentException e) {
      throw new TensorException("cuda: the library " + path + " does not load", e);
    }
  }

  /**
   * The address of a function.
   *
   * @throws TensorException if the library does not have it
   */
  MemorySegment function(String name) {
    return symbols
        .find(name)
        .orElseThrow(() -> new TensorException("cuda: the library " + path + " lacks " + name));
  }

  /** A handle for functions of one signature that answer a status; the address comes first. */
  static MethodHandle handle(MemoryLayout... arguments) {
    return LINKER.downcallHandle(FunctionDescriptor.of(JAVA_INT, arguments));
  }

  /** What a handle threw, which no handle does. */
  static RuntimeException unexpected(Throwable e) {
    if (e instanceof Error error) {
      throw error;
    }
    return e instanceof RuntimeException runtime ? runtime : new IllegalStateException(e);
  }
}
