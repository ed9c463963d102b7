package dev.adjoint.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.Adjoint;
import dev.adjoint.Device;
import dev.adjoint.Expect;
import dev.adjoint.Reference;
import dev.adjoint.Scope;
import dev.adjoint.Tensor;
import dev.adjoint.autograd.GradMode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Modules with signatures of their own, as a user writes them. */
@ExtendWith(Reference.class)
class SignaturesTest {
  /** Attention of a decoder [B, T, C] on what an encoder made [B, S, C]. */
  private static final class CrossAttention extends NeuralModule {
    private final Linear queries;
    private final Linear keys;
    private final Linear values;

    private CrossAttention(long channels) {
      queries = module("queries", new Linear(channels, channels));
      keys = module("keys", new Linear(channels, channels));
      values = module("values", new Linear(channels, channels));
    }

    private record Attended(Tensor output, Tensor weights) {}

    /** The mask, BOOL [B, 1, S], is true where there is something to see. */
    private Attended apply(Tensor x, Tensor encoded, Tensor mask) {
      return Scope.tidy(
          () -> {
            Tensor scores = queries.apply(x).matmul(keys.apply(encoded).transpose(1, 2));
            Tensor scaled = scores.div(Math.sqrt((double) x.size(2)));
            Tensor hidden = Tensor.of(Float.NEGATIVE_INFINITY);
            Tensor weights = Tensor.where(mask, scaled, hidden).softmax(-1);
            return new Attended(weights.matmul(values.apply(encoded)), weights);
          });
    }
  }

  /** Causal attention [B, T, C] that goes on where an earlier call ended. */
  private static final class CachedAttention extends NeuralModule {
    private final Linear parts;
    private final long channels;

    private CachedAttention(long channels) {
      this.channels = channels;
      parts = module("parts", new Linear(channels, 3 * channels));
    }

    private record Cache(Tensor keys, Tensor values) {}

    private record Step(Tensor output, Cache cache) {}

    private Step apply(Tensor x, @Nullable Cache past) {
      return Scope.tidy(
          () -> {
            Tensor made = parts.apply(x).unsqueeze(1);
            Tensor keys = made.slice(3, channels, 2 * channels);
            Tensor values = made.slice(3, 2 * channels, 3 * channels);
            Cache cache =
                past == null
                    ? new Cache(keys, values)
                    : new Cache(
                        Tensor.cat(List.of(past.keys, keys), 2),
                        Tensor.cat(List.of(past.values, values), 2));
            Tensor queries = made.slice(3, 0, channels);
            Tensor output = queries.scaledDotProductAttention(cache.keys, cache.values, true);
            return new Step(output.squeeze(1), cache);
          });
    }
  }

  /** Long short-term memory (Hochreiter and Schmidhuber 1997), one step, gates as in PyTorch. */
  private static final class LstmCell extends NeuralModule {
    private final Linear input;
    private final Linear recurrent;
    private final long width;

    private LstmCell(long in, long width) {
      this.width = width;
      input = module("input", new Linear(in, 4 * width));
      recurrent = module("recurrent", new Linear(width, 4 * width, false));
    }

    private record State(Tensor h, Tensor c) {}

    private State apply(Tensor x, State before) {
      return Scope.tidy(
          () -> {
            Tensor gates = input.apply(x).add(recurrent.apply(before.h));
            Tensor added = gate(gates, 0).sigmoid().mul(gate(gates, 2).tanh());
            Tensor c = before.c.mul(gate(gates, 1).sigmoid()).add(added);
            return new State(gate(gates, 3).sigmoid().mul(c.tanh()), c);
          });
    }

    private Tensor gate(Tensor gates, int number) {
      return gates.slice(1, number * width, (number + 1) * width);
    }
  }

  private static long live() {
    return Adjoint.memory(Device.REFERENCE).liveStorages();
  }

  @Test
  void attentionOnAnEncoderSeesWhatTheMaskShows() {
    try (CrossAttention attention = new CrossAttention(4)) {
      Tensor x = Tensor.randn(2, 5, 4);
      Tensor encoded = Tensor.randn(2, 3, 4);
      Tensor mask = Tensor.of(new boolean[] {true, true, false}).reshape(1, 1, 3);
      Tensor all = Tensor.of(new boolean[] {true, true}).reshape(1, 1, 2);
      var masked = attention.apply(x, encoded, mask);
      var shorter = attention.apply(x, encoded.slice(1, 0, 2), all);
      assertArrayEquals(shorter.output().toFloatArray(), masked.output().toFloatArray(), 1e-6f);
      assertEquals(0, masked.weights().select(2, 2).abs().sum().item());
      masked.output().sum().backward();
      assertTrue(attention.parameters().stream().allMatch(p -> p.grad() != null));
    }
  }

  @Test
  void aCacheGivesWhatTheWholeSequenceGives() {
    try (CachedAttention attention = new CachedAttention(4);
        var _ = GradMode.off()) {
      Tensor x = Tensor.randn(2, 6, 4);
      Tensor whole = attention.apply(x, null).output();
      List<Tensor> outputs = new ArrayList<>();
      CachedAttention.Cache cache = null;
      for (int t = 0; t < 6; t += 2) {
        var result = attention.apply(x.slice(1, t, t + 2), cache);
        outputs.add(result.output());
        cache = result.cache();
      }
      assertArrayEquals(whole.toFloatArray(), Tensor.cat(outputs, 1).toFloatArray(), 1e-6f);
    }
  }

  /** With one unit, so that plain numbers can say what comes out. */
  @Test
  void anLstmCellHandsOnBothItsStates() {
    try (LstmCell cell = new LstmCell(1, 1)) {
      cell.loadStateDict(
          Map.of(
              "input.weight", Tensor.of(new float[][] {{0.5f}, {-1}, {2}, {1}}),
              "input.bias", Tensor.of(new float[] {0.1f, 0.2f, 0.3f, 0.4f}),
              "recurrent.weight", Tensor.of(new float[][] {{1}, {0.5f}, {-0.5f}, {0.25f}})));
      var state = new LstmCell.State(Tensor.zeros(1, 1), Tensor.zeros(1, 1));
      double h = 0;
      double c = 0;
      for (double x : new double[] {1, -2, 0.5}) {
        double in = sigmoid(0.5 * x + 0.1 + h);
        double forget = sigmoid(-x + 0.2 + 0.5 * h);
        double candidate = Math.tanh(2 * x + 0.3 - 0.5 * h);
        double out = sigmoid(x + 0.4 + 0.25 * h);
        c = forget * c + in * candidate;
        h = out * Math.tanh(c);
        state = cell.apply(Tensor.full(Tensor.zeros(1, 1).shape(), x), state);
      }
      Expect.close(1e-6, state.h(), h);
      Expect.close(1e-6, state.c(), c);
      state.h().sum().backward();
      assertTrue(cell.parameters().stream().allMatch(p -> p.grad() != null));
    }
  }

  private static double sigmoid(double x) {
    return 1 / (1 + Math.exp(-x));
  }

  /** Without a graph nothing but the results stays. */
  @Test
  void intermediateResultsAreFreedAtOnce() {
    try (CrossAttention attention = new CrossAttention(4);
        CachedAttention cached = new CachedAttention(4);
        LstmCell cell = new LstmCell(4, 4);
        var _ = GradMode.off()) {
      Tensor x = Tensor.randn(2, 5, 4);
      Tensor mask = Tensor.of(true).reshape(1, 1, 1);
      var past = cached.apply(x, null).cache();
      var start = new LstmCell.State(Tensor.zeros(2, 4), Tensor.zeros(2, 4));
      Tensor step = x.select(1, 0);
      long before = live();
      attention.apply(x, x, mask);
      assertEquals(before + 2, live(), "output and weights");
      cached.apply(x, past);
      assertEquals(before + 5, live(), "output, keys and values");
      cell.apply(step, start);
      assertEquals(before + 7, live(), "h and c");
    }
  }
}
