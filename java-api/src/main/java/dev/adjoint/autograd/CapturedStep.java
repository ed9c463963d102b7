package dev.adjoint.autograd;

import dev.adjoint.Device;
import dev.adjoint.Scope;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import dev.adjoint.internal.Backends;
import dev.adjoint.internal.Dropped;
import dev.adjoint.internal.Recorder;
import dev.adjoint.internal.Tensors;
import dev.adjoint.spi.Replay;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A step recorded once and replayed: the same kernels on the same addresses, without any Java work
 * in between. Whatever varies must be read from tensors that live outside and are written between
 * replays: inputs, the learning rate, random state. Values are bit-identical to eager steps.
 *
 * <pre>{@code
 * optimizer.initializeState();
 * trainEagerly(); // once at least, so that everything exists
 * try (CapturedStep step = CapturedStep.record(device, () -> {
 *   optimizer.zeroGrad();
 *   Tensor loss = model.apply(x).crossEntropy(y);
 *   loss.backward();
 *   optimizer.step();
 *   return List.of(loss);
 * })) {
 *   for (…) {
 *     x.copy_(nextInputs); y.copy_(nextTargets);
 *     step.replay();
 *     step.output(0).item();
 *   }
 * }
 * }</pre>
 *
 * All work of a step is done by the thread that records it. What other threads do is not recorded,
 * so {@link #record} throws if a parallel stream in the body runs kernels on its workers, if
 * another thread touches a tensor that is born in the step, and if the step uses one that another
 * thread made meanwhile. (What else a plain thread or an executor does for the step cannot be told
 * from independent work.) Other threads may do that freely, and read what the step only reads.
 *
 * <p>A step is used by one thread at a time; {@link #close} waits for a replay. A step that is
 * dropped without being closed is closed once the collector has found it; outputs that are still
 * held stay readable then.
 */
public final class CapturedStep implements AutoCloseable {
  private final Held held;
  private final List<Tensor> outputs;
  private final int size;
  private Dropped.@Nullable Registration registration;
  private boolean closed;

  /** What has to be freed when the step is gone. It does not hold the step, nor its outputs. */
  record Held(Recorder recorder, Replay replay) implements Runnable {
    @Override
    public void run() {
      try {
        replay.close();
      } finally {
        recorder.release();
      }
    }
  }

  private CapturedStep(Held held, List<Tensor> outputs) {
    this.held = held;
    this.outputs = outputs;
    this.size = held.recorder().calls().size();
  }

  /**
   * Runs {@code body} once, eagerly, and keeps its kernel calls.
   *
   * @param device where all its tensors live
   * @param body one step; returns the tensors to be read after each replay
   * @throws TensorException if the body reads a value, creates tensors from Java's memory, lets a
   *     tensor escape that it does not return, or has other threads work for it
   */
  public static CapturedStep record(Device device, Supplier<List<Tensor>> body) {
    Recorder.forbid("capturedStep.record");
    Recorder recorder = new Recorder(Backends.of(device));
    List<Tensor> outputs = new ArrayList<>();
    recorder.begin();
    try {
      try (var _ = Scope.open()) {
        for (Tensor output : body.get()) {
          Tensor kept = output.detach();
          Scope.escape(kept);
          recorder.mayEscape(Tensors.state(kept).storage());
          outputs.add(kept);
        }
      }
      recorder.checkAlone();
      int escaped = recorder.undeclared();
      if (escaped > 0) {
        throw new TensorException(
            "capturedStep: "
                + escaped
                + " tensor(s) born while recording are still held but are not outputs; return them,"
                + " close them, or create them before recording (optimizer state:"
                + " Optimizer.initializeState())");
      }
      Replay replay = recorder.context().backend().compile(recorder.calls());
      Held held = new Held(recorder, replay);
      CapturedStep step = new CapturedStep(held, outputs);
      step.registration = Dropped.register(step, held);
      return step;
    } catch (RuntimeException | Error e) {
      outputs.forEach(Tensor::close);
      recorder.release();
      throw e;
    } finally {
      recorder.end();
    }
  }

  /**
   * Runs the step again.
   *
   * @throws TensorException if the step is closed, or naming the kernel that failed
   */
  public void replay() {
    Recorder.forbid("capturedStep.replay");
    try {
      synchronized (this) { // the memory must not be freed meanwhile
        if (closed) {
          throw new TensorException("capturedStep: is closed");
        }
        held.replay().run();
        held.recorder().bumpWritten();
      }
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** The {@code i}-th tensor that the body returned; each replay overwrites it. */
  public Tensor output(int i) {
    return outputs.get(i);
  }

  /** How many kernels a replay runs. */
  public int size() {
    return size;
  }

  /** Frees the step's memory and its outputs. Gradients it left in leaves stay readable. */
  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    if (registration != null) {
      registration.cancel();
    }
    try {
      held.run();
    } finally {
      outputs.forEach(Tensor::close);
    }
  }
}
