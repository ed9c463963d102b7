package dev.adjoint.nativecpu;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.adjoint.Device;
import dev.adjoint.spi.Backend;
import dev.adjoint.spi.BackendProvider;
import dev.adjoint.spi.Memory;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The CPU backend with each block of memory between two pages that nobody may touch: whatever reads
 * or writes beyond a block ends the process. Blocks end, or begin, right at such a page, in turn.
 */
public final class GuardedProvider implements BackendProvider {
  private final NativeCpuProvider real = new NativeCpuProvider();

  @Override
  public String type() {
    return real.type();
  }

  @Override
  public Backend open(Device device) {
    Backend backend = real.open(device);
    Blocks blocks = new Blocks();
    return (Backend)
        Proxy.newProxyInstance(
            Backend.class.getClassLoader(),
            new Class<?>[] {Backend.class},
            (_, method, arguments) ->
                switch (method.getName()) {
                  case "allocate" -> blocks.allocate((long) arguments[0]);
                  case "free" -> blocks.free((Memory) arguments[0]);
                  default -> invoke(method, backend, arguments);
                });
  }

  private static @Nullable Object invoke(Method method, Object target, @Nullable Object[] arguments)
      throws Throwable {
    try {
      return method.invoke(target, arguments);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }

  @Override
  public List<Device> devices() {
    return real.devices();
  }

  @Override
  public List<String> report() {
    return real.report();
  }

  @SuppressWarnings("restricted") // memory with pages of different rights exists only there
  private static final class Blocks {
    private static final long PAGE = 4096;
    private static final int NONE = 0;
    private static final int READ_WRITE = 3;
    private static final int PRIVATE_ANONYMOUS = 0x22;
    private static final MethodHandle MMAP =
        function("mmap", ADDRESS, ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG);
    private static final MethodHandle MPROTECT =
        function("mprotect", JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT);
    private static final MethodHandle MUNMAP = function("munmap", JAVA_INT, ADDRESS, JAVA_LONG);

    private record Region(MemorySegment start, long bytes) {}

    private final Map<Long, Region> regions = new ConcurrentHashMap<>();

    private static MethodHandle function(
        String name, MemoryLayout result, MemoryLayout... arguments) {
      Linker linker = Linker.nativeLinker();
      return linker.downcallHandle(
          linker.defaultLookup().findOrThrow(name), FunctionDescriptor.of(result, arguments));
    }

    @Nullable Memory allocate(long bytes) throws Throwable {
      long inner = Math.ceilDiv(Math.max(1, bytes), PAGE) * PAGE;
      long all = inner + 2 * PAGE;
      MemorySegment start =
          (MemorySegment)
              MMAP.invokeExact(MemorySegment.NULL, all, NONE, PRIVATE_ANONYMOUS, -1, 0L);
      if (start.address() == -1) {
        return null;
      }
      MemorySegment first = MemorySegment.ofAddress(start.address() + PAGE);
      if ((int) MPROTECT.invokeExact(first, inner, READ_WRITE) != 0) {
        throw new IllegalStateException("mprotect failed");
      }
      boolean atEnd = regions.size() % 2 == 0;
      long address = first.address() + (atEnd ? inner - bytes : 0);
      regions.put(address, new Region(start, all));
      return new Memory(address, bytes, MemorySegment.ofAddress(address).reinterpret(bytes));
    }

    @Nullable Void free(Memory memory) throws Throwable {
      Region region = Objects.requireNonNull(regions.remove(memory.address()));
      if ((int) MUNMAP.invokeExact(region.start(), region.bytes()) != 0) {
        throw new IllegalStateException("munmap failed");
      }
      return null;
    }
  }
}
