package dev.adjoint.nativecpu;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** What Java's {@link java.lang.foreign.SymbolLookup} does not tell of the dynamic linker. */
@SuppressWarnings("restricted") // this module exists to call native code
final class DynamicLinker {
  private static final Linker LINKER = Linker.nativeLinker();

  // dlopen
  private static final int RTLD_NOW = 2;
  private static final int RTLD_NOLOAD = 4;

  // memfd_create
  private static final int MFD_CLOEXEC = 1;
  private static final int MFD_EXEC = 0x10;

  private static final long LONGEST_ERROR = 4096;

  private DynamicLinker() {}

  private static MethodHandle function(
      String name, MemoryLayout result, MemoryLayout... arguments) {
    return LINKER.downcallHandle(
        LINKER.defaultLookup().findOrThrow(name), FunctionDescriptor.of(result, arguments));
  }

  private static boolean open(String library, int mode) {
    MethodHandle dlopen = function("dlopen", ADDRESS, ADDRESS, JAVA_INT);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment handle = (MemorySegment) dlopen.invokeExact(arena.allocateFrom(library), mode);
      return handle.address() != 0;
    } catch (Throwable e) {
      throw Downcalls.unexpected(e);
    }
  }

  /** Whether the process has a library of this soname. */
  static boolean isLoaded(String soname) {
    return open(soname, RTLD_NOW | RTLD_NOLOAD);
  }

  /** Why the dynamic linker refuses a library: the JDK's own loader keeps that to itself. */
  static String error(String library) {
    MethodHandle dlerror = function("dlerror", ADDRESS); // before: to look it up forgets the reason
    if (open(library, RTLD_NOW)) {
      return "it loads at the second attempt";
    }
    try {
      MemorySegment text = (MemorySegment) dlerror.invokeExact();
      return text.address() == 0 ? "no reason given" : text.reinterpret(LONGEST_ERROR).getString(0);
    } catch (Throwable e) {
      throw Downcalls.unexpected(e);
    }
  }

  /**
   * Makes a file that lies in no folder, so that nobody can exchange it and no mount option forbids
   * to execute it. It stays open: the dynamic linker takes two libraries of the same path for one,
   * and the number of a closed file is given out again.
   *
   * @param name as the process's memory map shows it
   * @return its path
   * @throws IOException if the system does not let the process have such files
   */
  static String memoryFile(String name, byte[] content) throws IOException {
    MethodHandle create = function("memfd_create", JAVA_INT, ADDRESS, JAVA_INT);
    int file;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment label = arena.allocateFrom(name);
      file = (int) create.invokeExact(label, MFD_CLOEXEC | MFD_EXEC);
      if (file < 0) { // before Linux 6.3 every such file is executable, and the flag is unknown
        file = (int) create.invokeExact(label, MFD_CLOEXEC);
      }
    } catch (Throwable e) {
      throw Downcalls.unexpected(e);
    }
    if (file < 0) {
      throw new IOException("the system refuses files in memory");
    }
    String path = "/proc/self/fd/" + file;
    try (OutputStream out = new FileOutputStream(path)) {
      out.write(content);
    } catch (IOException e) {
      close(file);
      throw e;
    }
    return path;
  }

  private static void close(int file) {
    MethodHandle close = function("close", JAVA_INT, JAVA_INT);
    try {
      int _ = (int) close.invokeExact(file);
    } catch (Throwable e) {
      throw Downcalls.unexpected(e);
    }
  }
}
