package dev.adjoint.tck;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.Adjoint;
import dev.adjoint.DType;
import dev.adjoint.Device;
import dev.adjoint.Generator;
import dev.adjoint.MemoryUse;
import dev.adjoint.Precision;
import dev.adjoint.Scope;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import dev.adjoint.autograd.CapturedStep;
import dev.adjoint.autograd.GradMode;
import dev.adjoint.nn.Init;
import dev.adjoint.nn.models.Gpt2;
import dev.adjoint.ops.OptimizerSteps;
import dev.adjoint.ops.Random;
import dev.adjoint.optim.AdamW;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/**
 * What every device must keep to while training: captured steps equal eager ones bit for bit,
 * memory is exact, depth does not matter, closing from another thread is safe.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
public abstract class StepContract {
  private final Device device;
  private final int steps;
  private final int depth;
  private MemoryUse before = new MemoryUse(0, 0, 0, 0, 0);

  /**
   * @param device one that works here
   * @param steps how long the compared training runs are
   */
  protected StepContract(Device device, int steps) {
    this(device, steps, 1_000_000);
  }

  /**
   * @param device one that works here
   * @param steps how long the compared training runs are
   * @param depth how long the chain of operations is
   */
  protected StepContract(Device device, int steps, int depth) {
    this.device = device;
    this.steps = steps;
    this.depth = depth;
  }

  @BeforeEach
  void settle() {
    Adjoint.generator(device).state(device); // belongs to the device, not to a test
    before = Adjoint.memory(device);
  }

  @AfterEach
  void nothingIsLeft() {
    assertEquals(
        before.liveBytes(),
        Adjoint.memory(device).liveBytes(),
        () -> "live: " + Adjoint.liveStorages(device));
  }

  private Tensor scalar(double value) {
    return Tensor.full(Shape.scalar(), value, DType.F32, device);
  }

  // ---- the appendix's loop ----

  private static void descend(Tensor w) {
    w.zeroGrad();
    Tensor loss = w.mul(2).sub(3).square();
    loss.backward();
    try (var _ = GradMode.off()) {
      w.sub_(gradOf(w).mul(1e-3));
    }
  }

  private static Tensor gradOf(Tensor x) {
    Tensor grad = x.grad();
    if (grad == null) {
      throw new AssertionError("no gradient");
    }
    return grad;
  }

  @Test
  void scalarLoopReplaysBitIdentically() {
    List<Double> eager = new ArrayList<>();
    try (Tensor w = scalar(1).requiresGrad_(true)) {
      for (int i = 0; i < steps; i++) {
        Scope.run(() -> descend(w));
        eager.add(w.item());
      }
    }
    List<Double> replayed = new ArrayList<>();
    try (Tensor w = scalar(1).requiresGrad_(true)) {
      Scope.run(() -> descend(w));
      replayed.add(w.item());
      try (CapturedStep step =
          CapturedStep.record(
              device,
              () -> {
                descend(w);
                return List.of();
              })) {
        replayed.add(w.item());
        for (int i = 2; i < steps; i++) {
          step.replay();
          replayed.add(w.item());
        }
      }
    }
    assertEquals(eager, replayed);
  }

  // ---- a two-layer network with AdamW, clipping and dropout ----

  /** Everything that one training run owns. */
  private final class Run implements AutoCloseable {
    final Generator random = new Generator(device, 7);
    final Tensor x = keep(Tensor.full(Shape.of(32, 16), 0, DType.F32, device));
    final Tensor y = keep(Tensor.full(Shape.of(32), 0, DType.I64, device));
    final List<Tensor> params = new ArrayList<>();
    final List<Tensor> first = new ArrayList<>();
    final List<Tensor> second = new ArrayList<>();
    final Tensor hyper = keep(Tensor.of(new double[] {1e-3, 0}, Shape.of(2), device));
    final Generator data = new Generator(device, 11);

    Run() {
      for (Shape shape : List.of(Shape.of(64, 16), Shape.of(64), Shape.of(10, 64), Shape.of(10))) {
        params.add(
            keep(Random.normal(shape, 0, 0.1, DType.F32, device, random)).requiresGrad_(true));
        first.add(keep(Tensor.full(shape, 0, DType.F32, device)));
        second.add(keep(Tensor.full(shape, 0, DType.F32, device)));
      }
    }

    private Tensor keep(Tensor tensor) {
      return Scope.escape(tensor);
    }

    void nextBatch() {
      Scope.run(
          () -> {
            x.copy_(Random.normal(x.shape(), 0, 1, DType.F32, device, data));
            y.copy_(x.slice(1, 0, 10).argmax(1));
          });
    }

    /** Clipping and the update read everything that varies from memory. */
    Tensor train() {
      params.forEach(Tensor::zeroGrad);
      Tensor hidden = x.linear(params.get(0), params.get(1)).gelu().dropout(0.1, random);
      Tensor loss = hidden.linear(params.get(2), params.get(3)).crossEntropy(y);
      loss.backward();
      List<Tensor> grads = params.stream().map(StepContract::gradOf).toList();
      try (var _ = GradMode.off()) {
        Tensor norm = OptimizerSteps.norm(grads);
        Tensor factor = norm.add(1e-6).rdiv(1).clamp(0, 1).to(DType.F32);
        OptimizerSteps.scale(grads, factor);
        OptimizerSteps.adamW(
            params, grads, first, second, hyper, new OptimizerSteps.AdamW(0.9, 0.99, 1e-8, 0.1));
      }
      return loss;
    }

    double[] state() {
      try (var _ = Scope.open()) {
        return params.stream().flatMapToDouble(p -> Arrays.stream(p.toDoubleArray())).toArray();
      }
    }

    @Override
    public void close() {
      params.forEach(Tensor::close);
      first.forEach(Tensor::close);
      second.forEach(Tensor::close);
      for (Tensor t : List.of(x, y, hyper)) {
        t.close();
      }
      random.close();
      data.close();
    }
  }

  @Test
  void networkReplaysBitIdenticallyUnderDisturbance() throws InterruptedException {
    AtomicBoolean done = new AtomicBoolean();
    Thread disturber = new Thread(() -> disturb(done), "disturber");
    disturber.start();
    double[] losses = new double[steps];
    double[] eager;
    try (Run run = new Run()) {
      for (int i = 0; i < steps; i++) {
        run.nextBatch();
        try (var _ = Scope.open()) {
          losses[i] = run.train().item();
        }
      }
      eager = run.state();
    }
    try (Run run = new Run()) {
      run.nextBatch();
      try (var _ = Scope.open()) {
        assertEquals(losses[0], run.train().item());
      }
      run.nextBatch();
      try (CapturedStep step = CapturedStep.record(device, () -> List.of(run.train()))) {
        assertEquals(losses[1], step.output(0).item());
        for (int i = 2; i < steps; i++) {
          run.nextBatch();
          step.replay();
          assertEquals(losses[i], step.output(0).item(), "loss of step " + i);
        }
      }
      assertArrayEquals(eager, run.state());
      assertEquals(steps, run.hyper.get(1));
    } finally {
      done.set(true);
      disturber.join();
    }
    assertTrue(losses[steps - 1] < 0.9 * losses[0], () -> "did not learn: " + losses[steps - 1]);
  }

  // ---- a transformer, its products or all of it in BF16 ----

  private double[] transformer(
      double dropout, DType activations, Precision precision, boolean captured) {
    var config = new Gpt2.Config(11, 8, 2, 2, 16, dropout, true).withActivations(activations);
    Adjoint.setDefaultDevice(device); // where modules make their parameters
    Adjoint.manualSeed(3);
    try (var _ = Scope.open();
        var _ = precision.use();
        Gpt2 model = new Gpt2(config);
        AdamW optimizer = new AdamW(model.parameters(), 1e-2)) {
      optimizer.initializeState();
      Tensor tokens =
          Tensor.arange(16, DType.I64, device)
              .reshape(2, 8)
              .minimum(Tensor.full(Shape.scalar(), 10, DType.I64, device));
      Supplier<Tensor> step =
          () -> {
            optimizer.zeroGrad();
            Tensor loss = model.loss(tokens, tokens);
            loss.backward();
            optimizer.step();
            return loss;
          };
      double[] losses = new double[20];
      losses[0] = Scope.tidy(step).item();
      model.parameters().forEach(p -> assertEquals(DType.F32, gradOf(p).dtype()));
      if (!captured) {
        for (int i = 1; i < losses.length; i++) {
          losses[i] = Scope.tidy(step).item();
        }
        return losses;
      }
      try (CapturedStep recorded = CapturedStep.record(device, () -> List.of(step.get()))) {
        losses[1] = recorded.output(0).item();
        for (int i = 2; i < losses.length; i++) {
          recorded.replay();
          losses[i] = recorded.output(0).item();
        }
      }
      return losses;
    }
  }

  @Test
  void aTransformerWithProductsInBf16ReplaysBitIdentically() {
    double[] eager = transformer(0.1, DType.F32, Precision.BF16, false);
    assertArrayEquals(eager, transformer(0.1, DType.F32, Precision.BF16, true));
    double[] exact = transformer(0.1, DType.F32, Precision.F32, false);
    assertNotEquals(exact[0], eager[0]);
    assertArrayEquals(exact, eager, 0.02 * exact[0]);
  }

  /** Without dropout, so that attention is the fused one; with it, the masks are the same. */
  @Test
  void aTransformerWithActivationsInBf16LearnsAsOneInF32() {
    for (double dropout : new double[] {0, 0.1}) {
      double[] eager = transformer(dropout, DType.BF16, Precision.BF16, false);
      assertArrayEquals(eager, transformer(dropout, DType.BF16, Precision.BF16, true));
      double[] products = transformer(dropout, DType.F32, Precision.BF16, false);
      double[] exact = transformer(dropout, DType.F32, Precision.F32, false);
      assertNotEquals(products[0], eager[0]);
      assertArrayEquals(exact, eager, 0.02 * exact[0]);
      assertTrue(eager[19] < 0.8 * eager[0], () -> "did not learn: " + Arrays.toString(eager));
    }
  }

  /**
   * Allocates, closes and collects beside the run, so that a wrong lifetime would be overwritten.
   */
  // ---- modules that move ----

  @Test
  void aModuleMovesToTheDeviceAndBack() {
    var config = new Gpt2.Config(11, 8, 2, 2, 16, 0, true);
    try (var _ = Scope.open();
        Gpt2 model = Init.on(Device.REFERENCE, () -> new Gpt2(config))) {
      Tensor tokens = Tensor.arange(8, DType.I64, Device.REFERENCE).reshape(1, 8);
      double[] expected = model.apply(tokens).toDoubleArray();
      List<double[]> values = model.parameters().stream().map(Tensor::toDoubleArray).toList();
      model.to(device);
      model.parameters().forEach(p -> assertEquals(device, p.device()));
      assertArrayEquals(expected, model.apply(tokens.to(device)).toDoubleArray(), 1e-5);
      model.loss(tokens.to(device), tokens.to(device)).backward();
      model.parameters().forEach(p -> assertEquals(device, gradOf(p).device()));
      model.to(Device.REFERENCE);
      for (int i = 0; i < values.size(); i++) {
        assertArrayEquals(values.get(i), model.parameters().get(i).toDoubleArray());
      }
    }
  }

  private void disturb(AtomicBoolean done) {
    for (int i = 0; !done.get(); i++) {
      try (var _ = Scope.open()) {
        Tensor a = Tensor.full(Shape.of(32, 64), Double.NaN, DType.F32, device);
        Tensor b = a.add(a).mul(a);
        a.close();
        b.close();
      }
      if (i % 50 == 0) {
        System.gc();
      }
    }
  }

  @Test
  void closingFromAnotherThreadIsAnExceptionOrAResultNeverGarbage() throws InterruptedException {
    int closedInTime = 0;
    for (int i = 0; i < 300; i++) {
      Tensor x = Scope.escape(Tensor.full(Shape.of(1000), 1, DType.F32, device));
      Thread closer = new Thread(x::close);
      closer.start();
      try (var _ = Scope.open()) {
        assertEquals(2, x.add(1).get(999));
      } catch (TensorException e) {
        closedInTime++;
      }
      closer.join();
    }
    assertTrue(closedInTime < 300);
  }

  // ---- depth ----

  private static Tensor chain(Tensor x, int length) {
    Tensor y = x.mul(1);
    for (int i = 1; i < length; i++) {
      Tensor next = y.mul(i % 2 == 0 ? 2 : 0.5);
      y.close();
      y = next;
    }
    return y;
  }

  @Test
  void aLongChainGoesBackwardAndIsDropped() {
    try (Tensor x = scalar(3).requiresGrad_(true)) {
      try (Tensor y = chain(x, depth)) {
        y.backward();
        assertEquals(y.item() / 3, gradOf(x).item());
      }
      chain(x, depth).close(); // dropped without going backward
    }
  }

  // ---- memory ----

  @Test
  void stepsLeaveMemoryAsTheyFoundIt() {
    try (Run run = new Run()) {
      MemoryUse early = Adjoint.memory(device);
      for (int i = 0; i < 400; i++) {
        run.nextBatch();
        Scope.run(run::train);
        if (i == 100) {
          early = Adjoint.memory(device);
        }
      }
      MemoryUse late = Adjoint.memory(device);
      assertEquals(early.liveBytes(), late.liveBytes());
      assertEquals(early.cachedBytes(), late.cachedBytes());
    }
  }

  @Test
  void forwardsWithoutBackwardStayFlat() {
    try (Run run = new Run()) {
      long live = Adjoint.memory(device).liveBytes();
      for (int i = 0; i < 2000; i++) {
        try (var _ = Scope.open()) {
          Tensor h = run.x.linear(run.params.get(0), run.params.get(1)).gelu();
          assertTrue(h.requiresGrad());
        }
        assertEquals(live, Adjoint.memory(device).liveBytes());
      }
    }
  }

  @Test
  void droppedHandlesAreCollected() throws InterruptedException {
    long live = Adjoint.memory(device).liveBytes();
    for (int i = 0; i < 100; i++) {
      Tensor.full(Shape.of(1000), i, DType.F32, device);
    }
    for (int i = 0; i < 100 && Adjoint.memory(device).liveBytes() > live; i++) {
      System.gc();
      Thread.sleep(10);
    }
    assertEquals(live, Adjoint.memory(device).liveBytes());
  }

  // ---- what a recording refuses ----

  @Test
  void aRecordingRefusesWhatAReplayCouldNotRepeat() {
    try (Tensor w = scalar(1)) {
      TensorException reading =
          assertThrows(
              TensorException.class,
              () -> CapturedStep.record(device, () -> List.of(w.mul(w.item()))));
      assertTrue(String.valueOf(reading.getMessage()).contains("recorded"), reading::toString);
      List<Tensor> escaped = new ArrayList<>();
      TensorException escape =
          assertThrows(
              TensorException.class,
              () ->
                  CapturedStep.record(
                      device,
                      () -> {
                        escaped.add(Scope.escape(w.mul(2)));
                        return List.of();
                      }));
      assertTrue(String.valueOf(escape.getMessage()).contains("not outputs"), escape::toString);
      escaped.forEach(Tensor::close);
    }
  }
}
