package dev.adjoint.cuda;

import dev.adjoint.spi.KernelCall;
import java.util.List;

/**
 * One call of the backend: launches and products that its device's stream runs one after another.
 * Immutable: it may run many times, on any thread.
 *
 * @param kernel the name that messages and profiles show
 * @param device where it runs
 * @param steps what is enqueued, in this order
 */
record CudaCall(String kernel, CudaDevice device, List<Step> steps) implements KernelCall {
  /** Work that can be put into a stream, whether that runs or captures. */
  interface Step {
    /** Enqueues it; the device's context is current. */
    void enqueue(CudaStream stream);
  }

  CudaCall {
    steps = List.copyOf(steps);
  }

  /** A call of a single launch, with its kernel's name. */
  CudaCall(CudaDevice device, Launch launch) {
    this(launch.kernel().name(), device, List.of(launch));
  }

  @Override
  public void run() {
    device.run(this);
  }

  void enqueue(CudaStream stream) {
    for (Step step : steps) {
      step.enqueue(stream);
    }
  }
}
