package dev.adjoint.benchmarks;

import dev.adjoint.benchmarks.StepCase.Model;
import dev.adjoint.benchmarks.StepCase.Optimizer;
import java.util.ArrayList;
import java.util.List;

/** What is measured on GPUs: cases that keep one busy. */
final class GpuSuites {
  private static final long MILLION = 1 << 20;

  /** Tokens of a batch that fills a GPU. */
  private static final long TOKENS = 32 * 1024;

  private static final long WIDTH = 768;
  private static final long VOCABULARY = 50304;

  private GpuSuites() {}

  static List<? extends Case> cases(String suite, boolean quick) {
    return switch (suite) {
      case "gemm" -> quick ? quickGemm() : gemm();
      case "ops" -> quick ? quickOps() : ops();
      case "train" -> train(quick);
      case "overhead" -> overhead();
      case "memory" -> memory(quick);
      case "accuracy" -> Suites.accuracy();
      default -> throw new IllegalArgumentException("no suite is called '" + suite + "'");
    };
  }

  // ---- gemm ----

  private static GemmCase square(String dtype, long size) {
    return new GemmCase(dtype, size, size, size);
  }

  private static List<GemmCase> gemm() {
    List<GemmCase> cases = new ArrayList<>();
    for (String dtype : new String[] {"f32", "bf16"}) {
      for (long size : new long[] {512, 1024, 2048, 4096, 8192}) {
        cases.add(square(dtype, size));
      }
      // GPT-2's layers and its logits, as a layer keeps its weights; then a weight's gradient.
      for (long out : new long[] {3 * WIDTH, WIDTH, 4 * WIDTH, VOCABULARY}) {
        cases.add(new GemmCase(dtype, 1, TOKENS, out, WIDTH, false, true));
      }
      cases.add(new GemmCase(dtype, 1, TOKENS, WIDTH, 4 * WIDTH, false, true));
      cases.add(new GemmCase(dtype, 1, 4 * WIDTH, WIDTH, TOKENS, true, false));
      cases.add(new GemmCase(dtype, 384, 1024, 1024, 64, false, true));
    }
    cases.add(square("f64", 4096));
    return cases;
  }

  private static List<GemmCase> quickGemm() {
    return List.of(
        square("f32", 1024),
        square("f32", 8192),
        square("bf16", 1024),
        square("bf16", 8192),
        new GemmCase("bf16", 1, TOKENS, 4 * WIDTH, WIDTH, false, true));
  }

  // ---- ops ----

  private static void both(List<OpCase> cases, String op, long... sizes) {
    cases.add(new OpCase(op, false, sizes));
    cases.add(new OpCase(op, true, sizes));
  }

  private static OpCase attention(long batch, long length) {
    return new OpCase("attention", true, batch, 12, length, 64);
  }

  private static List<OpCase> ops() {
    List<OpCase> cases = new ArrayList<>();
    cases.add(new OpCase("add", false, 256 * MILLION));
    cases.add(new OpCase("add", false, 256 * MILLION).inBf16());
    for (String op : new String[] {"add", "mul", "relu", "silu", "gelu", "gelu_tanh"}) {
      both(cases, op, 64 * MILLION);
    }
    cases.add(new OpCase("sum", false, 256 * MILLION));
    cases.add(new OpCase("sum_rows", false, 16384, 16384));
    cases.add(new OpCase("sum_cols", false, 16384, 16384));
    cases.add(new OpCase("max_rows", false, 16384, 16384));
    both(cases, "softmax", TOKENS, 1024);
    both(cases, "log_softmax", TOKENS, 1024);
    both(cases, "layer_norm", 4 * TOKENS, WIDTH);
    both(cases, "rms_norm", 4 * TOKENS, WIDTH);
    both(cases, "cross_entropy", 8192, VOCABULARY);
    both(cases, "embedding", 50257, WIDTH, TOKENS);
    both(cases, "linear", TOKENS, WIDTH, 4 * WIDTH);
    // What a transformer with activations of bfloat16 does beside its products.
    cases.add(new OpCase("add", true, 64 * MILLION).inBf16());
    cases.add(new OpCase("gelu_tanh", true, 64 * MILLION).inBf16());
    cases.add(new OpCase("layer_norm", true, 4 * TOKENS, WIDTH).inBf16());
    cases.add(new OpCase("cross_entropy", true, 8192, VOCABULARY).inBf16());
    for (OpCase c : List.of(attention(32, 1024), attention(16, 2048), attention(8, 4096))) {
      cases.add(c.inBf16());
    }
    cases.add(attention(8, 1024));
    cases.add(new OpCase("sgd_momentum", false, OpCase.GPT2_PARAMETERS));
    cases.add(new OpCase("adamw", false, OpCase.GPT2_PARAMETERS));
    return cases;
  }

  private static List<OpCase> quickOps() {
    return List.of(
        new OpCase("add", false, 64 * MILLION),
        new OpCase("gelu", true, 64 * MILLION),
        new OpCase("sum", false, 64 * MILLION),
        new OpCase("softmax", true, TOKENS, 1024),
        new OpCase("layer_norm", true, TOKENS, WIDTH),
        new OpCase("cross_entropy", true, 8192, VOCABULARY),
        attention(8, 1024).inBf16(),
        attention(4, 4096).inBf16(),
        new OpCase("embedding", true, 50257, WIDTH, TOKENS),
        new OpCase("adamw", false, OpCase.GPT2_PARAMETERS));
  }

  // ---- training steps ----

  private static List<StepCase> train(boolean quick) {
    Model large = quick ? Model.GPT2_B8_T1024 : Model.GPT2_B32_T1024;
    return List.of(
        new StepCase(Model.MLP_128, Optimizer.SGD),
        new StepCase(Model.CHAR_GPT, Optimizer.ADAMW),
        new StepCase(large, Optimizer.ADAMW));
  }

  // ---- what is no throughput ----

  private static List<Case> overhead() {
    return List.of(
        new OpCase("add", false, 1),
        new OpCase("add", true, 1),
        new OpCase("add", false, 1024),
        new StepCase(Model.SCALAR_LOOP, Optimizer.SGD),
        new StepCase(Model.MLP_32, Optimizer.SGD));
  }

  private static List<StepCase> memory(boolean quick) {
    Model large = quick ? Model.GPT2_B4_T64 : Model.GPT2_B8_T1024;
    return List.of(
        new StepCase(Model.CHAR_GPT, Optimizer.ADAMW), new StepCase(large, Optimizer.ADAMW));
  }
}
