package dev.adjoint.cuda;

import dev.adjoint.TensorException;
import dev.adjoint.spi.Replay;
import java.util.List;
import jcuda.driver.CUgraph;
import jcuda.driver.CUstreamCaptureMode;
import jcuda.driver.JCudaDriver;
import org.jspecify.annotations.Nullable;

/**
 * A list of calls as one CUDA graph. A replay enqueues it as a whole: what an index out of range
 * stops on the CPU runs to its end here, and the next synchronisation throws.
 */
final class CudaReplay implements Replay {
  private final CudaDevice device;
  private final String what;
  private Handles.@Nullable GraphExec graph;

  CudaReplay(CudaDevice device, List<CudaCall> calls) {
    this.device = device;
    this.what = "replaying " + calls.size() + " calls";
    this.graph = device.capture(stream -> instantiate(capture(stream, calls)));
  }

  private static CUgraph capture(CudaStream stream, List<CudaCall> calls) {
    // Other threads may allocate meanwhile: only this one must do nothing but enqueue.
    CudaErrors.check(
        JCudaDriver.cuStreamBeginCapture(
            stream.handle(), CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL),
        "beginning to capture");
    CUgraph captured = new CUgraph();
    boolean complete = false;
    try {
      calls.forEach(call -> call.enqueue(stream));
      complete = true;
    } finally {
      int result = JCudaDriver.cuStreamEndCapture(stream.handle(), captured);
      if (complete) {
        CudaErrors.check(result, "capturing " + calls.size() + " calls");
      }
    }
    return captured;
  }

  private static Handles.GraphExec instantiate(CUgraph captured) {
    Handles.GraphExec instance = new Handles.GraphExec();
    try {
      CudaErrors.check(
          JCudaDriver.cuGraphInstantiate(instance, captured, 0), "instantiating a graph");
    } finally {
      CudaErrors.check(JCudaDriver.cuGraphDestroy(captured), "destroying a graph");
    }
    return instance;
  }

  @Override
  public void run() {
    Handles.GraphExec instance = graph;
    if (instance == null) {
      throw new TensorException("replay: it has been closed");
    }
    device.run(instance, what);
  }

  @Override
  public void close() {
    Handles.GraphExec instance = graph;
    if (instance != null) {
      graph = null;
      device.makeCurrent();
      CudaErrors.check(JCudaDriver.cuGraphExecDestroy(instance), "destroying a graph");
    }
  }
}
