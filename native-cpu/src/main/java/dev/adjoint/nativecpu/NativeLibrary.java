package dev.adjoint.nativecpu;

import dev.adjoint.TensorException;
import dev.adjoint.spi.NativeFiles;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** A shared library that is loaded, and stays so until the JVM ends. */
@SuppressWarnings("restricted") // this module exists to call native code
final class NativeLibrary {
  /** {@code ADJ_ABI_VERSION} in kernels.h. */
  static final int ABI_VERSION = 1;

  private final String place;
  private final @Nullable String soname;
  private final SymbolLookup symbols;

  private NativeLibrary(String place, @Nullable String soname, SymbolLookup symbols) {
    this.place = place;
    this.soname = soname;
    this.symbols = symbols;
  }

  /**
   * Loads a library from a file.
   *
   * @param abiSymbol the function that tells the version of its binary interface
   * @throws TensorException if it is damaged, cannot be loaded, or has another interface
   */
  static NativeLibrary open(Path file, String abiSymbol) {
    byte[] content;
    try {
      content = NativeFiles.readAllBytes(file);
    } catch (IOException e) {
      throw unusable("the library " + file + " cannot be read: " + e, e);
    }
    String place = file.toString();
    return open(place, ElfFile.parse(content, place).soname(), place, abiSymbol);
  }

  /**
   * Loads a library without a file that others see; one that the process has already is not loaded
   * twice.
   *
   * @param place what messages call it
   * @param fileName as the process's memory map shows it
   * @throws IOException if the system does not let the process have files in memory
   * @throws TensorException if it is damaged, cannot be loaded, or has another interface
   */
  static NativeLibrary openInMemory(String place, String fileName, byte[] content, String abiSymbol)
      throws IOException {
    String soname = ElfFile.parse(content, place).soname();
    String name;
    try {
      name =
          soname != null && DynamicLinker.isLoaded(soname)
              ? soname
              : DynamicLinker.memoryFile(fileName, content);
    } catch (IllegalCallerException e) {
      throw accessDenied(e);
    }
    return open(place, soname, name, abiSymbol);
  }

  private static NativeLibrary open(
      String place, @Nullable String soname, String name, String abiSymbol) {
    SymbolLookup symbols;
    try {
      symbols = SymbolLookup.libraryLookup(name, Arena.global());
    } catch (IllegalCallerException e) {
      throw accessDenied(e);
    } catch (IllegalArgumentException e) {
      throw unusable("the library " + place + " does not load: " + DynamicLinker.error(name), e);
    }
    NativeLibrary library = new NativeLibrary(place, soname, symbols);
    int abi = Downcalls.number(library.function(abiSymbol));
    if (abi != ABI_VERSION) {
      throw unusable(
          "the library "
              + place
              + " has binary interface version "
              + abi
              + ", this jar needs "
              + ABI_VERSION
              + "; use the libraries that were built together with the jar");
    }
    return library;
  }

  private static TensorException accessDenied(IllegalCallerException e) {
    Module self = NativeLibrary.class.getModule();
    String module = self.isNamed() ? self.getName() : "ALL-UNNAMED";
    return unusable("Java needs the option --enable-native-access=" + module, e);
  }

  /**
   * The library that others which need this one are bound to: the first of this soname in the
   * process. It was made of the same sources, but its variables may lie elsewhere than this one's.
   */
  NativeLibrary asNeededByOthers() {
    if (soname == null) {
      return this;
    }
    try {
      SymbolLookup first = SymbolLookup.libraryLookup(soname, Arena.global());
      return new NativeLibrary(place, soname, first);
    } catch (IllegalArgumentException e) {
      throw unusable(
          "the library " + place + " has been replaced since this process loaded it; start anew",
          e);
    }
  }

  /** Where it was loaded from, for messages. */
  String place() {
    return place;
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
                        + place
                        + " lacks "
                        + symbol
                        + "; use the libraries that were built together with the jar"));
  }

  /** An exception that ends with the way out. */
  static TensorException unusable(String why) {
    return unusable(why, null);
  }

  static TensorException unusable(String why, @Nullable Exception cause) {
    return new TensorException(
        "cpu: " + why + "; -Dadjoint.device=reference runs without native code", cause);
  }
}
