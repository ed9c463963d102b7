package dev.adjoint.internal;

import dev.adjoint.Device;
import dev.adjoint.spi.Backend;

/** An opened device: its backend and its memory. */
public final class DeviceContext {
  private final Device device;
  private final Backend backend;
  private final CachingAllocator allocator;

  DeviceContext(Device device, Backend backend, Budget budget) {
    this.device = device;
    this.backend = backend;
    this.allocator = CachingAllocator.of(this, backend, budget);
  }

  public Device device() {
    return device;
  }

  public Backend backend() {
    return backend;
  }

  public CachingAllocator allocator() {
    return allocator;
  }
}
