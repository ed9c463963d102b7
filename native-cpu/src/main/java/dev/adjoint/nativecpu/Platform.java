package dev.adjoint.nativecpu;

import dev.adjoint.TensorException;
import java.lang.foreign.Linker;

/** The platforms that there are native libraries for. */
final class Platform {
  private Platform() {}

  /** Whether the JVM runs on Linux with glibc, on a processor that the kernels are built for. */
  static boolean isSupported(String os, String architecture) {
    return os.equals("Linux")
        && (architecture.equals("amd64") || architecture.equals("aarch64"))
        // musl has no function of this name, and libraries built for glibc do not load there.
        && Linker.nativeLinker().defaultLookup().find("gnu_get_libc_version").isPresent();
  }

  /**
   * Refuses other platforms before anything native is touched.
   *
   * @throws TensorException if this is one
   */
  static void requireSupported() {
    String os = System.getProperty("os.name", "");
    String architecture = System.getProperty("os.arch", "");
    if (!isSupported(os, architecture)) {
      throw NativeLibrary.unusable(
          "native kernels exist for Linux with glibc on x86-64 and aarch64, this is "
              + os
              + " on "
              + architecture
              + (os.equals("Linux") ? ", perhaps with another C library" : ""));
    }
  }

  /** The name that the build gives this platform: {@code linux-x86_64}. */
  static String resourceFolder() {
    String architecture = System.getProperty("os.arch", "");
    return "linux-" + (architecture.equals("amd64") ? "x86_64" : architecture);
  }

  /** This processor's number in the header of an ELF file. */
  static short elfMachine() {
    return (short) (System.getProperty("os.arch", "").equals("amd64") ? 62 : 183);
  }
}
