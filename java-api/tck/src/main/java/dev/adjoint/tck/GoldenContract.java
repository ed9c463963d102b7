package dev.adjoint.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.Adjoint;
import dev.adjoint.DType;
import dev.adjoint.Device;
import dev.adjoint.Scope;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.autograd.GradMode;
import dev.adjoint.autograd.Gradients;
import dev.adjoint.optim.AdamW;
import dev.adjoint.optim.GradientClipping;
import dev.adjoint.optim.Optimizer;
import dev.adjoint.optim.Sgd;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/**
 * The same numbers as PyTorch: functions with first and second derivatives in float64, training
 * runs in float32. {@code golden.py}, next to {@code golden.txt}, made what is compared with.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
public abstract class GoldenContract {
  /** Ten float32 steps in another order of summation; the curves agree to about six digits. */
  private static final double TRAINING_TOLERANCE = 2e-5;

  private static final double FUNCTION_TOLERANCE = 1e-12;

  private final Device device;
  private final Map<String, double[]> golden = new HashMap<>();
  private long before;

  /** For a device that works here. */
  protected GoldenContract(Device device) {
    this.device = device;
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(
                Objects.requireNonNull(GoldenContract.class.getResourceAsStream("golden.txt")),
                StandardCharsets.UTF_8))) {
      lines
          .lines()
          .filter(line -> !line.startsWith("#"))
          .forEach(
              line -> {
                int colon = line.indexOf(':');
                golden.put(
                    line.substring(0, colon),
                    Arrays.stream(line.substring(colon + 1).trim().split(" ", -1))
                        .mapToDouble(GoldenContract::number)
                        .toArray());
              });
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static double number(String text) {
    return text.equals("nan") ? Double.NaN : Double.parseDouble(text);
  }

  @BeforeEach
  void settle() {
    before = Adjoint.memory(device).liveBytes();
  }

  @AfterEach
  void nothingIsLeft() {
    assertEquals(before, Adjoint.memory(device).liveBytes());
  }

  private Tensor wave(DType dtype, double phase, double scale, long... sizes) {
    Shape shape = Shape.of(sizes);
    double[] values = new double[Math.toIntExact(shape.numel())];
    for (int i = 0; i < values.length; i++) {
      values[i] = scale * Math.sin(0.7 * i + phase);
    }
    return Tensor.of(values, shape, device).to(dtype);
  }

  private Tensor parameter(double phase, double scale, long... sizes) {
    return wave(DType.F32, phase, scale, sizes).requiresGrad_(true);
  }

  /** Compares with a line; the difference is measured against max(1, |expected|). */
  private void check(String name, double tolerance, Tensor... tensors) {
    double[] expected = Objects.requireNonNull(golden.get(name), name);
    double[] got =
        Arrays.stream(tensors).flatMapToDouble(t -> Arrays.stream(t.toDoubleArray())).toArray();
    assertEquals(expected.length, got.length, name);
    for (int i = 0; i < got.length; i++) {
      double scale = Math.max(1, Math.abs(expected[i]));
      assertEquals(expected[i], got[i], tolerance * scale, name + " at " + i);
    }
  }

  @Test
  void gradientDescentIsTheSameStepByStep() {
    try (Tensor w = Tensor.full(Shape.scalar(), 1, DType.F32, device).requiresGrad_(true)) {
      for (int step = 0; step < 10; step++) {
        try (var _ = Scope.open()) {
          Tensor loss = w.mul(2).sub(3).square();
          loss.backward();
          Tensor slope = Objects.requireNonNull(w.grad());
          try (var _ = GradMode.off()) {
            w.sub_(slope.mul(0.1));
          }
          check("descent." + step, 0, w, loss, slope);
          w.zeroGrad();
        }
      }
      assertEquals(1.5, w.item(), 1e-6);
    }
  }

  @Test
  void functionsAndTheirDerivatives() {
    double[] points = {-30, -5.5, -2, -1, -0.3, -1e-3, 0, 1e-3, 0.25, 1, 1.5, 3, 5.5, 30};
    Map<String, UnaryOperator<Tensor>> functions = new LinkedHashMap<>();
    functions.put("relu", Tensor::relu);
    functions.put("gelu", Tensor::gelu);
    functions.put("gelu_tanh", Tensor::geluTanh);
    functions.put("silu", Tensor::silu);
    functions.put("sigmoid", Tensor::sigmoid);
    functions.put("tanh", Tensor::tanh);
    functions.put("exp", Tensor::exp);
    functions.put("erf", Tensor::erf);
    functions.put("abs", Tensor::abs);
    functions.put("sin", Tensor::sin);
    functions.put("cos", Tensor::cos);
    functions.put("square", Tensor::square);
    functions.forEach(
        (name, function) -> {
          try (var _ = Scope.open()) {
            Tensor x = Tensor.of(points, Shape.of(points.length), device).requiresGrad_(true);
            Tensor y = function.apply(x);
            Tensor fused = Gradients.grad(y.sum(), List.of(x), null, true, false).get(0);
            check("unary." + name, FUNCTION_TOLERANCE, y, fused);
            if (golden.containsKey("unary2." + name)) {
              Tensor slope = Gradients.grad(y.sum(), List.of(x), null, true, true).get(0);
              check("unary." + name, FUNCTION_TOLERANCE, y, slope);
              Tensor bend = Gradients.grad(slope.sum(), List.of(x)).get(0);
              check("unary2." + name, FUNCTION_TOLERANCE, bend);
            }
          }
        });
  }

  @Test
  void functionsOfRows() {
    try (var _ = Scope.open()) {
      Tensor x = wave(DType.F64, 0.1, 2, 3, 5).detach().requiresGrad_(true);
      Tensor weight = wave(DType.F64, 0.5, 1, 5);
      Tensor bias = wave(DType.F64, 0.9, 1, 5);
      Tensor mix = wave(DType.F64, 1.3, 1, 3, 5);
      Map<String, UnaryOperator<Tensor>> functions = new LinkedHashMap<>();
      functions.put("softmax", t -> t.softmax(1));
      functions.put("log_softmax", t -> t.logSoftmax(1));
      functions.put("softmax0", t -> t.softmax(0));
      functions.put("layer_norm", t -> t.layerNorm(weight, bias, 1e-5));
      functions.put("rms_norm", t -> t.rmsNorm(weight, 1e-5));
      functions.put("amax", t -> t.max(true, 1).expand(3, 5));
      functions.put("mean", t -> t.mean(true, 0).expand(3, 5));
      functions.forEach(
          (name, function) -> {
            Tensor y = function.apply(x);
            Tensor slope = Gradients.grad(y.mul(mix).sum(), List.of(x)).get(0);
            check("rows." + name, FUNCTION_TOLERANCE, y, slope);
          });
      Tensor loss = x.crossEntropy(Tensor.of(new long[] {4, -100, 0}, Shape.of(3), device));
      Tensor slope = Gradients.grad(loss, List.of(x), null, true, false).get(0);
      check("rows.cross_entropy", FUNCTION_TOLERANCE, loss, slope);
    }
  }

  @Test
  void aNetworkUnderSgd() {
    network(
        "sgd",
        params ->
            Sgd.builder(0.1).momentum(0.9).dampening(0.1).weightDecay(0.01).group(params).build());
    network(
        "nesterov",
        params ->
            Sgd.builder(0.1).momentum(0.9).nesterov(true).weightDecay(0.01).group(params).build());
  }

  private void network(String name, java.util.function.Function<List<Tensor>, Optimizer> rule) {
    try (var _ = Scope.open()) {
      Tensor a = parameter(0.2, 0.5, 8, 4);
      Tensor b = parameter(0.4, 0.1, 8);
      Tensor c = parameter(0.6, 0.5, 3, 8);
      Tensor inputs = wave(DType.F32, 0.8, 1, 6, 4);
      Tensor classes = Tensor.of(new long[] {0, 1, 2, 2, 1, 0}, Shape.of(6), device);
      List<Tensor> results = new ArrayList<>();
      try (Optimizer optimizer = rule.apply(List.of(a, b, c))) {
        for (int step = 0; step < 10; step++) {
          optimizer.zeroGrad();
          Tensor loss = inputs.linear(a, b).gelu().linear(c, null).crossEntropy(classes);
          loss.backward();
          optimizer.step();
          results.add(loss);
        }
      }
      results.addAll(List.of(a, b, c));
      check("network." + name, TRAINING_TOLERANCE, results.toArray(Tensor[]::new));
    }
  }

  @Test
  void aTransformerUnderAdamWWithClipping() {
    long vocabulary = 7;
    long time = 5;
    long batch = 2;
    long heads = 2;
    long channels = 8;
    try (var _ = Scope.open()) {
      Tensor wte = parameter(0.1, 0.5, vocabulary, channels);
      Tensor wpe = parameter(0.3, 0.5, time, channels);
      Tensor ln = wave(DType.F32, 0.2, 0.1, channels).add(1).detach().requiresGrad_(true);
      Tensor lnBias = parameter(0.7, 0.1, channels);
      Tensor qkv = parameter(0.5, 0.4, 3 * channels, channels);
      Tensor proj = parameter(0.9, 0.4, channels, channels);
      Tensor up = parameter(1.1, 0.4, 4 * channels, channels);
      Tensor down = parameter(1.3, 0.4, channels, 4 * channels);
      List<Tensor> params = List.of(wte, wpe, ln, lnBias, qkv, proj, up, down);
      Tensor tokens = indices(batch, 0, 3, 1, 6, 2, 5, 5, 4, 0, 1);
      Tensor wanted = indices(1, 3, 1, 6, 2, 0, 5, 4, 0, 1, 3).reshape(batch * time);
      List<Tensor> losses = new ArrayList<>();
      List<Tensor> norms = new ArrayList<>();
      try (Optimizer optimizer =
          AdamW.builder(1e-2).betas(0.9, 0.99).eps(1e-8).weightDecay(0.1).group(params).build()) {
        for (int step = 0; step < 10; step++) {
          optimizer.zeroGrad();
          Tensor h = wte.embedding(tokens).add(wpe);
          Tensor joined = h.layerNorm(ln, lnBias, 1e-5).linear(qkv, null);
          Tensor[] parts = new Tensor[3];
          for (int i = 0; i < 3; i++) {
            parts[i] =
                joined
                    .slice(2, i * channels, (i + 1) * channels)
                    .reshape(batch, time, heads, channels / heads)
                    .transpose(1, 2);
          }
          Tensor attended = parts[0].scaledDotProductAttention(parts[1], parts[2], true);
          Tensor merged = attended.transpose(1, 2).reshape(batch, time, channels);
          h = h.add(merged.linear(proj, null));
          h = h.add(h.rmsNorm(null, 1e-6).linear(up, null).silu().linear(down, null));
          Tensor loss = h.linear(wte, null).reshape(batch * time, vocabulary).crossEntropy(wanted);
          loss.backward();
          norms.add(GradientClipping.clipByNorm(params, 0.5));
          optimizer.step();
          losses.add(loss);
        }
      }
      List<Tensor> results = new ArrayList<>(losses);
      results.addAll(norms);
      results.addAll(List.of(wte, qkv));
      check("transformer", TRAINING_TOLERANCE, results.toArray(Tensor[]::new));
      assertTrue(losses.get(9).item() < losses.get(0).item());
    }
  }

  private Tensor indices(long rows, long... values) {
    return Tensor.of(values, Shape.of(values.length), device).reshape(rows, values.length / rows);
  }
}
