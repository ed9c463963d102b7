package dev.adjoint.cli;

import dev.adjoint.Adjoint;
import dev.adjoint.Scope;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.autograd.GradMode;
import dev.adjoint.data.CharTokenizer;
import dev.adjoint.nn.models.Gpt2;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * Lets a model write, character by character.
 *
 * @param temperature how daring: 1 as learned, less is safer, 0 always takes the likeliest
 * @param topK only among so many of the likeliest; 0 for all
 * @param topP only among the likeliest that together have this probability; 1 for all (Holtzman et
 *     al. 2020)
 * @param seed equal seeds write equal texts
 */
record Sampler(double temperature, int topK, double topP, long seed) {
  /** What is written when nothing is asked for: a little safer than learned. */
  static Sampler ofSeed(long seed) {
    return new Sampler(0.8, 0, 1, seed);
  }

  /**
   * Continues a text.
   *
   * @param out gets each character as soon as it is chosen
   */
  void write(Gpt2 model, CharTokenizer tokenizer, String prompt, int length, Consumer<String> out) {
    int context = model.config().context();
    Random random = new Random(seed);
    long[] text = tokenizer.encode(prompt);
    long[] window = Arrays.copyOfRange(text, Math.max(0, text.length - context), text.length);
    model.eval();
    try (var _ = GradMode.off()) {
      for (int i = 0; i < length; i++) {
        int token = choose(logits(model, window), random);
        out.accept(tokenizer.decode(token));
        window = next(window, token, context);
      }
    }
  }

  /** The window with a token more, without the first one if it was full. */
  private static long[] next(long[] window, long token, int context) {
    int from = window.length < context ? 0 : 1;
    long[] next = Arrays.copyOfRange(window, from, window.length + 1);
    next[next.length - 1] = token;
    return next;
  }

  /** What the model expects to follow. */
  private static double[] logits(Gpt2 model, long[] window) {
    try (var _ = Scope.open()) {
      Tensor indices = Tensor.of(window, Shape.of(1, window.length), Adjoint.defaultDevice());
      return model.apply(indices).select(0, 0).select(0, -1).toDoubleArray();
    }
  }

  int choose(double[] logits, Random random) {
    int[] likeliest =
        IntStream.range(0, logits.length)
            .boxed()
            .sorted(Comparator.comparingDouble(i -> -logits[i]))
            .mapToInt(Integer::intValue)
            .toArray();
    if (temperature == 0) {
      return likeliest[0];
    }
    int candidates = topK == 0 ? logits.length : Math.min(topK, logits.length);
    double[] weights = new double[candidates];
    double sum = 0;
    for (int i = 0; i < candidates; i++) {
      weights[i] = Math.exp((logits[likeliest[i]] - logits[likeliest[0]]) / temperature);
      sum += weights[i];
    }
    double nucleus = 0;
    int size = 0;
    while (size < candidates && nucleus < topP * sum) {
      nucleus += weights[size++];
    }
    double point = random.nextDouble() * nucleus;
    int choice = 0;
    while (choice < size - 1 && point >= weights[choice]) {
      point -= weights[choice++];
    }
    return likeliest[choice];
  }
}
