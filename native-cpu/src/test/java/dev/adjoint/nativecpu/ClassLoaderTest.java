package dev.adjoint.nativecpu;

import dev.adjoint.tck.Calls;
import dev.adjoint.spi.ElementwiseKernels;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.adjoint.DType;
import dev.adjoint.Device;
import dev.adjoint.Shape;
import dev.adjoint.spi.Backend;
import dev.adjoint.spi.BinaryKernel;
import dev.adjoint.spi.KernelCall;
import dev.adjoint.spi.Layout;
import dev.adjoint.spi.Memory;
import dev.adjoint.spi.Replay;
import dev.adjoint.spi.View;
import java.io.File;
import java.lang.ref.WeakReference;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Test;

/**
 * Several class loaders of one JVM may use the library, each may end, and one pool serves them all.
 */
class ClassLoaderTest {
  private static final int ATTEMPTS = 100;

  /** What an application does with the backend; answers where the pool is. */
  static final class Application implements Callable<Long> {
    @Override
    public Long call() {
      Backend backend = new NativeCpuProvider().open(Device.CPU);
      long n = 100_000;
      Memory memory = Objects.requireNonNull(backend.allocate(n * Float.BYTES));
      View x = new View(memory, Layout.contiguous(Shape.of(n)), DType.F32);
      KernelCall fill = Calls.of(backend, new ElementwiseKernels.Fill(x, 1));
      fill.run();
      Calls.of(backend, new ElementwiseKernels.BinaryScalar(BinaryKernel.ADD, x, x, 1, false))
          .run();
      try (Replay replay = backend.compile(List.of(fill))) {
        replay.run();
      }
      Calls.of(
              backend,
              new ElementwiseKernels.Fill(
                  new View(memory, Layout.contiguous(Shape.of(1)), DType.F32), 0))
          .run();
      backend.free(memory);
      return NativeCpuProvider.shared().poolAddress().address();
    }
  }

  private static URLClassLoader applicationLoader() throws MalformedURLException {
    String[] entries = System.getProperty("java.class.path").split(File.pathSeparator, -1);
    URL[] urls = new URL[entries.length];
    for (int i = 0; i < entries.length; i++) {
      urls[i] = Path.of(entries[i]).toUri().toURL();
    }
    return new URLClassLoader(urls, ClassLoader.getPlatformClassLoader());
  }

  /** Runs the application in a loader of its own, in this thread, which outlives it. */
  private static WeakReference<ClassLoader> runOnce(long pool) throws Exception {
    try (URLClassLoader loader = applicationLoader()) {
      Class<?> application = loader.loadClass(Application.class.getName());
      assertNotSame(Application.class, application);
      var constructor = application.getDeclaredConstructor();
      constructor.setAccessible(true);
      assertEquals(pool, ((Callable<?>) constructor.newInstance()).call());
      return new WeakReference<>(loader);
    }
  }

  @Test
  @SuppressWarnings("BanSystemGc") // what is to be seen
  void aLoaderThatUsedTheLibraryIsCollected() throws Exception {
    long pool = new Application().call();
    WeakReference<ClassLoader> loader = runOnce(pool);
    for (int i = 0; i < ATTEMPTS && loader.get() != null; i++) {
      System.gc();
    }
    assertNull(loader.get());
  }
}
