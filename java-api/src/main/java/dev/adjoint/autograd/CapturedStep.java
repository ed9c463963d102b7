package dev.adjoint.autograd;

import dev.adjoint.Device;
import dev.adjoint.Scope;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import dev.adjoint.internal.Backends;
import dev.adjoint.internal.Recorder;
import dev.adjoint.internal.Tensors;
import dev.adjoint.internal.ThreadState;
import dev.adjoint.spi.Replay;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

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
 * A step is used by one thread at a time.
 */
public final class CapturedStep implements AutoCloseable {
  private final Recorder recorder;
  private final Replay replay;
  private final List<Tensor> outputs;
  private boolean closed;

  private CapturedStep(Recorder recorder, Replay replay, List<Tensor> outputs) {
    this.recorder = recorder;
    this.replay = replay;
    this.outputs = outputs;
  }

  /**
   * Runs {@code body} once, eagerly, and keeps its kernel calls.
   *
   * @param device where all its tensors live
   * @param body one step; returns the tensors to be read after each replay
   * @throws TensorException if the body reads a value, creates tensors from Java's memory, or lets
   *     a tensor escape that it does not return
   */
  public static CapturedStep record(Device device, Supplier<List<Tensor>> body) {
    Recorder.forbid("capturedStep.record");
    Recorder recorder = new Recorder(Backends.of(device));
    List<Tensor> outputs = new ArrayList<>();
    ThreadState.recorder(recorder);
    try {
      try (var _ = Scope.open()) {
        for (Tensor output : body.get()) {
          Tensor kept = output.detach();
          Tensors.disown(kept);
          recorder.mayEscape(Tensors.state(kept).storage());
          outputs.add(kept);
        }
      }
      int escaped = recorder.undeclared();
      if (escaped > 0) {
        throw new TensorException(
            "capturedStep: "
                + escaped
                + " tensor(s) born while recording are still held but are not outputs; return them,"
                + " close them, or create them before recording (optimizer state:"
                + " Optimizer.initializeState())");
      }
      return new CapturedStep(
          recorder, recorder.context().backend().compile(recorder.calls()), outputs);
    } catch (RuntimeException | Error e) {
      outputs.forEach(Tensor::close);
      recorder.release();
      throw e;
    } finally {
      ThreadState.recorder(null);
    }
  }

  /**
   * Runs the step again.
   *
   * @throws TensorException if the step is closed, or naming the kernel that failed
   */
  public void replay() {
    if (closed) {
      throw new TensorException("capturedStep: is closed");
    }
    Recorder.forbid("capturedStep.replay");
    replay.run();
    recorder.bumpWritten();
  }

  /** The {@code i}-th tensor that the body returned; each replay overwrites it. */
  public Tensor output(int i) {
    return outputs.get(i);
  }

  /** How many kernels a replay runs. */
  public int size() {
    return recorder.calls().size();
  }

  /** Frees the step's memory and its outputs. Gradients it left in leaves stay readable. */
  @Override
  public void close() {
    if (!closed) {
      closed = true;
      replay.close();
      outputs.forEach(Tensor::close);
      recorder.release();
    }
  }
}
