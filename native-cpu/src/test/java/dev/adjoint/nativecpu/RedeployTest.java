package dev.adjoint.nativecpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.Adjoint;
import dev.adjoint.Device;
import dev.adjoint.Precision;
import dev.adjoint.Scope;
import dev.adjoint.Tensor;
import dev.adjoint.autograd.CapturedStep;
import dev.adjoint.autograd.GradMode;
import dev.adjoint.nn.Activation;
import dev.adjoint.nn.Linear;
import dev.adjoint.nn.Sequential;
import dev.adjoint.optim.AdamW;
import dev.adjoint.tck.ForkedJvm;
import java.io.File;
import java.io.IOException;
import java.lang.ref.WeakReference;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * A container loads an application with this library, runs it on threads of its own, and drops it:
 * the loader is collected with all its classes, and so is its native memory. All that are there at
 * once have one pool of threads.
 */
class RedeployTest {
  private static final int DEPLOYMENTS = 6;
  private static final long BLOCK = 64L << 20;

  /** An application that cleans up nothing. */
  public static final class Application implements Callable<List<Number>> {
    @SuppressWarnings("unused") // static, as in many applications
    private static @Nullable Tensor forgotten;

    private static final Tensor CLOSED = Tensor.ones(3);

    /** Trains, and replays a step; answers the last loss and where the pool is. */
    @Override
    @SuppressWarnings({"MustBeClosedChecker", "CheckReturnValue"})
    public List<Number> call() {
      CLOSED.close();
      forgotten = Tensor.rand(BLOCK / Float.BYTES);
      Tensor.zeros(BLOCK / Float.BYTES).close(); // stays in the cache
      Tensor.ones(1).add(1); // dropped
      Adjoint.manualSeed(1);
      double last = 0;
      var model = new Sequential(new Linear(2, 32), Activation.tanh(), new Linear(32, 1));
      var optimizer = new AdamW(model.parameters(), 1e-2);
      var x = Tensor.randn(64, 2);
      for (int step = 0; step < 20; step++) {
        try (var _ = Scope.open();
            var _ = Precision.F32.use()) {
          Tensor loss = model.apply(x).mseLoss(x.square().sum(true, 1));
          optimizer.zeroGrad();
          loss.backward();
          optimizer.step();
          try (var _ = GradMode.off()) {
            last = loss.mul(2).item();
          }
        }
      }
      CapturedStep captured = CapturedStep.record(Device.CPU, () -> List.of(x.mul(2)));
      captured.replay();
      return List.of(last, NativeCpuProvider.shared().poolAddress().address());
    }
  }

  private static URL[] classPath() throws IOException {
    List<URL> urls = new ArrayList<>();
    for (String entry : ForkedJvm.classPath().split(File.pathSeparator, -1)) {
      urls.add(Path.of(entry).toUri().toURL());
    }
    return urls.toArray(URL[]::new);
  }

  private static WeakReference<ClassLoader> deploy(ExecutorService threads, List<List<?>> results)
      throws IOException, ReflectiveOperationException, InterruptedException, ExecutionException {
    try (URLClassLoader loader =
        new URLClassLoader(classPath(), ClassLoader.getPlatformClassLoader())) {
      Class<?> application = loader.loadClass(Application.class.getName());
      assertTrue(application != Application.class);
      Future<?> result =
          threads.submit((Callable<?>) application.getDeclaredConstructor().newInstance());
      results.add((List<?>) result.get());
      return new WeakReference<>(loader);
    }
  }

  @Test
  @SuppressWarnings("BanSystemGc") // what is to be seen
  void droppedApplicationsLeaveNothingBehind() throws Exception {
    long pool = NativeCpuProvider.shared().poolAddress().address();
    List<List<?>> results = new ArrayList<>();
    List<WeakReference<ClassLoader>> loaders = new ArrayList<>();
    long before = 0;
    try (ExecutorService threads = Executors.newFixedThreadPool(2)) {
      for (int i = 0; i < DEPLOYMENTS; i++) {
        if (i == 1) {
          before = residentBytes(); // what the first one needed for good is there
        }
        loaders.add(deploy(threads, results));
        for (int k = 0; k < 50 && loaders.getLast().get() != null; k++) {
          System.gc();
          Thread.sleep(10);
        }
      }
      assertEquals(
          List.of(),
          IntStream.range(0, DEPLOYMENTS)
              .filter(i -> loaders.get(i).get() != null)
              .boxed()
              .toList(),
          "deployments that stayed");
      assertEquals(1, results.stream().distinct().count(), results.toString());
      assertEquals(pool, results.getFirst().getLast(), "the pool of the loader around them");
      for (int k = 0; k < 100 && residentBytes() > before + BLOCK; k++) {
        System.gc(); // a cleaner has a thread of its own
        Thread.sleep(20);
      }
      long grown = residentBytes() - before;
      assertTrue(grown < 2 * BLOCK, () -> grown / (1 << 20) + " MiB more than before");
    }
  }

  private static long residentBytes() throws IOException {
    return Files.readAllLines(Path.of("/proc/self/status")).stream()
        .filter(line -> line.startsWith("VmRSS:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) << 10)
        .findFirst()
        .orElseThrow();
  }
}
