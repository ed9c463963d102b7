package dev.adjoint.benchmarks.peers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.benchmarks.Case;
import dev.adjoint.benchmarks.Peer;
import dev.adjoint.benchmarks.PeerProvider;
import dev.adjoint.benchmarks.Workload;
import java.util.Arrays;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.stream.Stream;
import org.bytedeco.javacpp.Pointer;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Small cases: every library computes what our own backends compute, and frees it. */
class PeersTest {
  private static final double TOLERANCE = 1e-4;

  private static Peer open(String name) {
    PeerProvider provider =
        ServiceLoader.load(PeerProvider.class).stream()
            .map(ServiceLoader.Provider::get)
            .filter(candidate -> candidate.name().equals(name))
            .findFirst()
            .orElseThrow();
    // The last setting is the one that needs nothing installed.
    return provider.open(provider.settings(2).getLast(), 2);
  }

  private static Optional<double[]> compute(String name, Case c) {
    try (Peer peer = open(name)) {
      Optional<Workload> prepared = peer.prepare(c);
      if (prepared.isEmpty()) {
        return Optional.empty();
      }
      try (Workload workload = prepared.get()) {
        for (int i = 0; i < c.runsToCompare(); i++) {
          workload.run();
        }
        return Optional.of(workload.result());
      }
    }
  }

  private static void assertSame(String peer, String id) {
    Case c = Case.parse(id);
    // What is too much for the reference backend, the C kernels compute.
    double[] expected = compute("reference", c).or(() -> compute("native-cpu", c)).orElseThrow();
    double[] actual = compute(peer, c).orElseThrow();
    assertEquals(expected.length, actual.length);
    double scale = Math.max(1, Arrays.stream(expected).map(Math::abs).max().orElse(0));
    for (int i = 0; i < actual.length; i++) {
      assertEquals(expected[i], actual[i], TOLERANCE * scale, peer + ", value " + i);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "f32-5x7x9-nn",
        "f32-5x7x9-tn",
        "f32-5x7x9-nt",
        "f32-5x7x9-tt",
        "f32-3x5x7x9-nn",
        "f32-3x5x7x9-tn",
        "f32-3x5x7x9-nt",
        "f32-3x5x7x9-tt",
        "f32-65x33x129-nn"
      })
  void products(String id) {
    for (String peer : new String[] {"libtorch", "onednn", "openblas"}) {
      assertSame(peer, id);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"f64-5x7x9-nn", "f64-5x7x9-tn", "f64-3x5x7x9-nt", "f64-65x33x129-tt"})
  void productsInDouble(String id) {
    assertSame("libtorch", id);
    assertSame("openblas", id);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "add-300",
        "mul-300",
        "relu-300",
        "sigmoid-300",
        "tanh-300",
        "exp-300",
        "erf-300",
        "silu-300",
        "gelu-300",
        "gelu_tanh-300",
        "sum-300",
        "sum_rows-20x30",
        "sum_cols-20x30",
        "max_rows-20x30",
        "softmax-20x30",
        "log_softmax-20x30",
        "layer_norm-20x30",
        "rms_norm-20x30",
        "cross_entropy-20x30",
        "attention-2x3x8x16",
        "embedding-50x8x20",
        "linear-7x5x3"
      })
  void operations(String op) {
    assertSame("libtorch", op + "-f");
    assertSame("libtorch", op + "-fb");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "sgd_momentum-300-f",
        "adamw-300-f",
        "scalar-loop-sgd",
        "mlp-32-none",
        "mlp-32-sgd",
        "mlp-128-adamw",
        "char-gpt-none",
        "char-gpt-sgd",
        "char-gpt-adamw"
      })
  void steps(String id) {
    assertSame("libtorch", id);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "f32-3x5x7x9-tn", "layer_norm-20x30-fb", "attention-2x3x8x16-fb", "embedding-50x8x20-fb",
        "adamw-300-f", "scalar-loop-sgd", "mlp-32-adamw", "char-gpt-adamw"
      })
  void freesWhatItMakes(String id) {
    Case c = Case.parse(id);
    try (Peer peer = open("libtorch");
        Workload workload = peer.prepare(c).orElseThrow()) {
      workload.run();
      workload.run();
      long before = Pointer.totalCount();
      assertTrue(before > 0);
      Stream.generate(() -> workload).limit(3).forEach(Workload::run);
      assertEquals(before, Pointer.totalCount());
    }
  }
}
