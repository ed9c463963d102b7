package dev.adjoint.nativecpu;

import dev.adjoint.TensorException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** A shared library that is loaded, and stays so until the JVM ends. */
final class NativeLibrary {
  /** {@code ADJ_ABI_VERSION} in kernels.h. */
  static final int ABI_VERSION = 1;

  private final Path path;
  private final SymbolLookup symbols;

  private NativeLibrary(Path path, SymbolLookup symbols) {
    this.path = path;
    this.symbols = symbols;
  }

  /**
   * Loads a library.
   *
   * @param path where it lies
   * @param abiSymbol the function that tells the version of its binary interface
   * @throws TensorException if it is damaged, cannot be loaded, or has another interface
   */
  @SuppressWarnings("restricted") // this module exists to call native code
  static NativeLibrary open(Path path, String abiSymbol) {
    requireComplete(path);
    SymbolLookup symbols;
    try {
      symbols = SymbolLookup.libraryLookup(path, Arena.global());
    } catch (IllegalCallerException e) {
      Module self = NativeLibrary.class.getModule();
      String module = self.isNamed() ? self.getName() : "ALL-UNNAMED";
      throw unusable("Java needs the option --enable-native-access=" + module, e);
    } catch (IllegalArgumentException e) {
      throw unusable("the library " + path + " does not load: " + Downcalls.loadError(path), e);
    }
    NativeLibrary library = new NativeLibrary(path, symbols);
    int abi = Downcalls.number(library.function(abiSymbol));
    if (abi != ABI_VERSION) {
      throw unusable(
          "the library "
              + path
              + " has binary interface version "
              + abi
              + ", this jar needs "
              + ABI_VERSION
              + "; use the libraries that were built together with the jar");
    }
    return library;
  }

  Path path() {
    return path;
  }

  /**
   * The address of a function.
   *
   * @throws TensorException if the library does not have it
   */
  MemorySegment function(String symbol) {
    return symbols
        .find(symbol)
        .orElseThrow(
            () ->
                unusable(
                    "the library "
                        + path
                        + " lacks "
                        + symbol
                        + "; use the libraries that were built together with the jar"));
  }

  /**
   * The kernel {@code adj_<name>}.
   *
   * @throws TensorException if the library does not have it
   */
  Kernel kernel(String name) {
    return new Kernel(name, function("adj_" + name));
  }

  /** An exception that ends with the way out. */
  static TensorException unusable(String why) {
    return unusable(why, null);
  }

  static TensorException unusable(String why, @Nullable Exception cause) {
    return new TensorException(
        "cpu: " + why + "; -Dadjoint.device=reference runs without native code", cause);
  }

  /**
   * Checks that a file is a whole ELF file. The dynamic linker maps whatever the headers promise; a
   * file that was cut short would crash the JVM with SIGBUS.
   */
  private static void requireComplete(Path path) {
    ByteBuffer header = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN);
    long size;
    try (FileChannel file = FileChannel.open(path)) {
      size = file.size();
      while (header.hasRemaining() && file.read(header) >= 0) {}
    } catch (IOException e) {
      throw unusable("the library " + path + " cannot be read: " + e, e);
    }
    if (header.hasRemaining() || header.getInt(0) != 0x464c457f) {
      throw unusable("the library " + path + " is not an ELF file");
    }
    if (header.getShort(18) != Platform.elfMachine()) {
      throw unusable("the library " + path + " is for another processor");
    }
    // The table of section headers is the last thing in a file.
    long sectionHeaders = header.getLong(40);
    int entryBytes = Short.toUnsignedInt(header.getShort(58));
    int entries = Short.toUnsignedInt(header.getShort(60));
    long needed = sectionHeaders + (long) entryBytes * entries;
    if (size < needed) {
      throw unusable("the library " + path + " is cut short: " + size + " of " + needed + " bytes");
    }
  }
}
