package dev.adjoint.benchmarks;

import dev.adjoint.benchmarks.StepCase.Model;
import dev.adjoint.benchmarks.StepCase.Optimizer;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** What is measured. */
final class Suites {
  /** All suites, in the order in which they run. */
  static final List<String> NAMES =
      List.of("gemm", "ops", "train", "overhead", "memory", "accuracy");

  private static final long MILLION = 1 << 20;

  private Suites() {}

  /**
   * The cases of a suite.
   *
   * @param quick a few that stand for the others
   * @param threads that compute; on a GPU cases are larger
   */
  static List<? extends Case> cases(String suite, boolean quick, int threads) {
    if (threads == PeerProvider.ON_GPU) {
      return GpuSuites.cases(suite, quick);
    }
    return switch (suite) {
      case "gemm" -> quick ? quickGemm() : gemm();
      case "ops" -> quick ? quickOps() : ops();
      case "train" -> quick ? quickTrain() : train();
      case "overhead" -> overhead();
      case "memory" -> memory(quick);
      case "accuracy" -> accuracy();
      default -> throw new IllegalArgumentException("no suite is called '" + suite + "'");
    };
  }

  /** A case in every way that our own backends have, or that others may have. */
  static List<? extends Case> variants(Case c, boolean own) {
    if (!(c instanceof StepCase step)) {
      return List.of(c);
    }
    // The scalar loop has no products to be rounded.
    return Stream.of("f32", "bf16")
        .filter(precision -> precision.equals("f32") || step.model() != Model.SCALAR_LOOP)
        .flatMap(
            precision ->
                (own ? Stream.of(false, true) : Stream.of(false))
                    .map(
                        captured ->
                            new StepCase(step.model(), step.optimizer(), captured, precision)))
        .toList();
  }

  /** Whether it takes so much memory that only one process at a time should have it. */
  static boolean isLarge(Case c, int threads) {
    if (threads == PeerProvider.ON_GPU) {
      return c instanceof StepCase step && step.model() == Model.GPT2_B32_T1024;
    }
    return c instanceof StepCase step ? step.model().parameters() > 100 * MILLION : c.bytes() > 1e9;
  }

  // ---- gemm ----

  private static List<GemmCase> transposed(GemmCase c) {
    List<GemmCase> cases = new ArrayList<>();
    for (boolean transA : new boolean[] {false, true}) {
      for (boolean transB : new boolean[] {false, true}) {
        cases.add(new GemmCase(c.dtype(), c.batch(), c.m(), c.n(), c.k(), transA, transB));
      }
    }
    return cases;
  }

  private static GemmCase gemm(long m, long n, long k) {
    return new GemmCase("f32", m, n, k);
  }

  private static List<GemmCase> gemm() {
    List<GemmCase> cases = new ArrayList<>();
    for (long size : new long[] {64, 128, 256}) {
      cases.add(gemm(size, size, size));
    }
    cases.addAll(transposed(gemm(512, 512, 512)));
    cases.addAll(transposed(gemm(1024, 1024, 1024)));
    cases.add(gemm(2048, 2048, 2048));
    // GPT-2's layers and its logits.
    cases.addAll(transposed(gemm(256, 2304, 768)));
    cases.addAll(transposed(gemm(256, 3072, 768)));
    cases.addAll(transposed(gemm(256, 768, 3072)));
    cases.addAll(transposed(gemm(1024, 50304, 768)));
    // Tall, wide, deep; one row.
    cases.add(gemm(4096, 64, 1024));
    cases.add(gemm(64, 4096, 1024));
    cases.add(gemm(64, 64, 8192));
    cases.add(gemm(1, 3072, 768));
    // Scores and values of attention, 64 and 256 tokens.
    cases.add(new GemmCase("f32", 48, 64, 64, 64, false, true));
    cases.add(new GemmCase("f32", 48, 64, 64, 64, false, false));
    cases.add(new GemmCase("f32", 48, 256, 256, 64, false, true));
    cases.add(new GemmCase("f32", 48, 256, 64, 256, false, false));
    for (String dtype : new String[] {"f64", "bf16"}) {
      cases.add(new GemmCase(dtype, 512, 512, 512));
      cases.add(new GemmCase(dtype, 1024, 1024, 1024));
      cases.add(new GemmCase(dtype, 256, 3072, 768));
    }
    return cases;
  }

  private static List<GemmCase> quickGemm() {
    return List.of(
        gemm(64, 64, 64),
        gemm(256, 256, 256),
        gemm(512, 512, 512),
        new GemmCase("f32", 1, 512, 512, 512, false, true),
        gemm(1024, 1024, 1024),
        gemm(256, 3072, 768),
        new GemmCase("f32", 48, 256, 256, 64, false, true),
        new GemmCase("f64", 512, 512, 512),
        new GemmCase("bf16", 512, 512, 512));
  }

  // ---- ops ----

  private static void both(List<OpCase> cases, String op, long... sizes) {
    cases.add(new OpCase(op, false, sizes));
    cases.add(new OpCase(op, true, sizes));
  }

  private static List<OpCase> ops() {
    List<OpCase> cases = new ArrayList<>();
    for (long n : new long[] {MILLION, 16 * MILLION}) {
      for (String op : new String[] {"add", "mul", "relu", "silu", "gelu"}) {
        both(cases, op, n);
      }
    }
    for (String op : new String[] {"gelu_tanh", "sigmoid", "tanh", "exp"}) {
      both(cases, op, MILLION);
    }
    cases.add(new OpCase("sum", false, 16 * MILLION));
    cases.add(new OpCase("sum_rows", false, 4096, 4096));
    cases.add(new OpCase("sum_cols", false, 4096, 4096));
    cases.add(new OpCase("max_rows", false, 4096, 4096));
    both(cases, "softmax", 4096, 1024);
    both(cases, "log_softmax", 4096, 1024);
    both(cases, "layer_norm", 4096, 768);
    both(cases, "rms_norm", 4096, 768);
    both(cases, "cross_entropy", 1024, 50304);
    both(cases, "attention", 4, 12, 256, 64);
    both(cases, "attention", 4, 12, 1024, 64);
    // Short rows, and what a recurrent network does with the steps of its input.
    cases.add(new OpCase("sum_rows", false, 131_072, 2));
    both(cases, "max_rows", 131_072, 2);
    both(cases, "softmax", 65_536, 4);
    both(cases, "layer_norm", 65_536, 4);
    cases.add(new OpCase("selects", true, 32, 256, 512));
    both(cases, "embedding", 50257, 768, 1024);
    both(cases, "linear", 1024, 768, 3072);
    cases.add(new OpCase("sgd_momentum", false, OpCase.GPT2_PARAMETERS));
    cases.add(new OpCase("adamw", false, OpCase.GPT2_PARAMETERS));
    return cases;
  }

  private static List<OpCase> quickOps() {
    return List.of(
        new OpCase("add", false, 16 * MILLION),
        new OpCase("gelu", true, MILLION),
        new OpCase("silu", true, MILLION),
        new OpCase("sum", false, 16 * MILLION),
        new OpCase("softmax", true, 4096, 1024),
        new OpCase("layer_norm", true, 4096, 768),
        new OpCase("cross_entropy", true, 1024, 50304),
        new OpCase("attention", true, 4, 12, 256, 64),
        new OpCase("embedding", true, 50257, 768, 1024),
        new OpCase("adamw", false, 16 * MILLION));
  }

  // ---- training steps ----

  private static List<StepCase> train() {
    return List.of(
        new StepCase(Model.SCALAR_LOOP, Optimizer.SGD),
        new StepCase(Model.MLP_32, Optimizer.SGD),
        new StepCase(Model.MLP_128, Optimizer.SGD),
        new StepCase(Model.CHAR_GPT, Optimizer.NONE),
        new StepCase(Model.CHAR_GPT, Optimizer.SGD),
        new StepCase(Model.CHAR_GPT, Optimizer.ADAMW),
        new StepCase(Model.GPT2_B4_T64, Optimizer.NONE),
        new StepCase(Model.GPT2_B4_T64, Optimizer.SGD),
        new StepCase(Model.GPT2_B4_T64, Optimizer.ADAMW),
        new StepCase(Model.GPT2_B1_T256, Optimizer.NONE),
        new StepCase(Model.GPT2_B1_T256, Optimizer.ADAMW));
  }

  private static List<StepCase> quickTrain() {
    return List.of(
        new StepCase(Model.SCALAR_LOOP, Optimizer.SGD),
        new StepCase(Model.MLP_32, Optimizer.SGD),
        new StepCase(Model.CHAR_GPT, Optimizer.ADAMW));
  }

  // ---- what is no throughput ----

  private static List<Case> overhead() {
    return List.of(
        new OpCase("add", false, 1),
        new OpCase("add", true, 1),
        new StepCase(Model.SCALAR_LOOP, Optimizer.SGD),
        new ProbeCase("downcall"),
        new ProbeCase("critical-downcall"),
        new ProbeCase("region"));
  }

  private static List<StepCase> memory(boolean quick) {
    StepCase small = new StepCase(Model.CHAR_GPT, Optimizer.ADAMW);
    return quick
        ? List.of(small)
        : List.of(
            small,
            new StepCase(Model.GPT2_B4_T64, Optimizer.NONE),
            new StepCase(Model.GPT2_B4_T64, Optimizer.ADAMW));
  }

  static List<Case> accuracy() {
    List<Case> cases = new ArrayList<>();
    for (String op : Accuracy.FUNCTIONS) {
      cases.add(new OpCase(op, List.of((long) Inputs.PICKED), false, true));
    }
    cases.add(gemm(512, 512, 512));
    cases.add(gemm(256, 768, 3072));
    cases.add(gemm(64, 64, 8192));
    return cases;
  }
}
