package dev.adjoint.benchmarks;

import dev.adjoint.DType;
import dev.adjoint.Device;
import dev.adjoint.Precision;
import dev.adjoint.Scope;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.autograd.CapturedStep;
import dev.adjoint.autograd.GradMode;
import dev.adjoint.nn.Activation;
import dev.adjoint.nn.Linear;
import dev.adjoint.nn.Layer;
import dev.adjoint.nn.Sequential;
import dev.adjoint.nn.models.Gpt2;
import dev.adjoint.optim.AdamW;
import dev.adjoint.optim.Optimizer;
import dev.adjoint.optim.Sgd;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A training step on one of our own devices, eager or captured. */
final class AdjointStep implements Workload {
  private final Device device;
  private final StepCase c;
  private final Precision precision;
  private final List<AutoCloseable> owned = new ArrayList<>();
  private final Supplier<Tensor> step;
  private final Tensor first; // the first parameter
  private int runs;
  private @Nullable Tensor loss;
  private @Nullable CapturedStep captured;

  AdjointStep(Device device, StepCase c) {
    this.device = device;
    this.c = c;
    this.precision = Precision.valueOf(c.precision().toUpperCase(Locale.ROOT));
    StepCase.Model model = c.model();
    if (model == StepCase.Model.SCALAR_LOOP) {
      Tensor w = own(Tensor.full(Shape.scalar(), 1, DType.F32, device)).requiresGrad_(true);
      first = w;
      step = () -> scalarStep(w);
      return;
    }
    Layer module = own(model.isGpt() ? gpt(model) : mlp());
    initialize(module);
    first = module.parameters().getFirst();
    Optimizer optimizer = optimizer(module);
    Supplier<Tensor> forward = model.isGpt() ? gptLoss((Gpt2) module) : mlpLoss(module);
    step =
        () -> {
          module.zeroGrad();
          try (var _ = precision.use()) {
            Tensor result = forward.get();
            result.backward();
            if (optimizer != null) {
              optimizer.step();
            }
            return result;
          }
        };
  }

  private <T extends AutoCloseable> T own(T resource) {
    owned.add(resource);
    return resource;
  }

  private static Tensor scalarStep(Tensor w) {
    w.zeroGrad();
    Tensor loss = w.mul(2).sub(8).square();
    loss.backward();
    try (var _ = GradMode.off()) {
      w.sub_(Objects.requireNonNull(w.grad()).mul(0.1));
    }
    return loss;
  }

  private Layer gpt(StepCase.Model model) {
    boolean narrow = device.type().equals("cuda") && precision == Precision.BF16;
    return new Gpt2(
        new Gpt2.Config(
            model.vocabulary(),
            model.context(),
            model.layers(),
            model.heads(),
            model.width(),
            0,
            true,
            narrow ? DType.BF16 : DType.F32));
  }

  private static Layer mlp() {
    return new Sequential(new Linear(784, 128), Activation.relu(), new Linear(128, 10));
  }

  private static void initialize(Layer module) {
    int position = 0;
    for (Map.Entry<String, Tensor> entry : module.namedParameters().entrySet()) {
      int p = position++;
      boolean matrix = entry.getValue().rank() == 2;
      boolean bias = entry.getKey().endsWith("bias");
      AdjointPeer.fill(entry.getValue(), i -> StepCase.parameter(p, matrix, bias, i));
    }
  }

  private @Nullable Optimizer optimizer(Layer module) {
    return switch (c.optimizer()) {
      case NONE -> null;
      case SGD -> own(new Sgd(module.parameters(), StepCase.SGD_RATE));
      case ADAMW -> own(new AdamW(module.parameters(), StepCase.ADAMW_RATE));
    };
  }

  private Supplier<Tensor> gptLoss(Gpt2 model) {
    Shape shape = Shape.of(c.model().batch, c.model().length);
    Tensor tokens = own(AdjointPeer.filled(device, DType.I64, shape, c::token));
    Tensor targets = own(AdjointPeer.filled(device, DType.I64, shape, c::target));
    return () -> model.loss(tokens, targets);
  }

  private Supplier<Tensor> mlpLoss(Layer model) {
    int rows = c.model().batch;
    Shape shape = Shape.of(rows, 784);
    Tensor nextPixels = own(AdjointPeer.filled(device, DType.F32, shape, StepCase::pixel));
    Tensor nextTargets = own(AdjointPeer.filled(device, DType.I64, Shape.of(rows), c::target));
    Tensor pixels = own(Tensor.full(shape, 0, DType.F32, device));
    Tensor targets = own(Tensor.full(Shape.of(rows), 0, DType.I64, device));
    return () -> {
      pixels.copy_(nextPixels);
      targets.copy_(nextTargets);
      return model.apply(pixels).crossEntropy(targets);
    };
  }

  @Override
  public void run() {
    runs++;
    if (captured != null) {
      captured.replay();
    } else if (c.captured() && runs > 1) {
      captured = own(CapturedStep.record(device, () -> List.of(step.get())));
    } else {
      closeLoss();
      loss = Scope.tidy(step);
    }
  }

  private void closeLoss() {
    if (loss != null) {
      loss.close();
    }
  }

  @Override
  public double[] result() {
    Tensor last = captured != null ? captured.output(0) : Objects.requireNonNull(loss);
    if (c.optimizer() != StepCase.Optimizer.NONE) {
      return new double[] {last.item()};
    }
    double[] gradient = AdjointPeer.pick(List.of(Objects.requireNonNull(first.grad())));
    double[] all = new double[gradient.length + 1];
    all[0] = last.item();
    System.arraycopy(gradient, 0, all, 1, gradient.length);
    return all;
  }

  @Override
  public void close() {
    closeLoss();
    for (AutoCloseable resource : owned.reversed()) {
      try {
        resource.close();
      } catch (Exception e) {
        throw new IllegalStateException(e);
      }
    }
  }
}
