package dev.adjoint.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CasesTest {
  @Test
  void idsRoundTripAndAreUnique() {
    for (boolean quick : new boolean[] {false, true}) {
      for (int threads : new int[] {PeerProvider.ON_GPU, 2}) {
        for (String suite : Suites.NAMES) {
          Set<String> ids = new HashSet<>();
          for (Case c : Suites.cases(suite, quick, threads)) {
            for (Case variant : Suites.variants(c, true)) {
              assertEquals(variant, Case.parse(variant.id()));
              assertEquals(true, ids.add(variant.id()), variant.id());
            }
          }
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "f32-1x2-nn", "add-1x2-f", "nothing-1-f", "gpt2-b9-t9-sgd", "f32"})
  void whatIsNoCaseIsRefused(String id) {
    assertThrows(IllegalArgumentException.class, () -> Case.parse(id));
  }

  @Test
  void workOfAProduct() {
    GemmCase c = new GemmCase("f64", 3, 4, 5, 6, false, true);
    assertEquals("f64-3x4x5x6-nt", c.id());
    assertEquals(2 * 3 * 4 * 5 * 6, c.operations());
    assertEquals(8 * 3 * (4 * 6 + 6 * 5), c.bytesRead());
    assertEquals(8 * 3 * 4 * 5, c.bytesWritten());
  }

  /** A case is found again by its name. */
  @Test
  void namesDependOnNoLanguage() {
    Locale before = Locale.getDefault();
    Locale.setDefault(Locale.forLanguageTag("fa-IR"));
    try {
      assertEquals("f64-3x4x5x6-nt", new GemmCase("f64", 3, 4, 5, 6, false, true).id());
      assertTrue(new Svg(12, 34, "").toString().startsWith("<svg viewBox='0 0 12 34' width='12'"));
    } finally {
      Locale.setDefault(before);
    }
  }

  @Test
  void trafficOfOperations() {
    OpCase add = new OpCase("add", false, 10);
    assertEquals(4 * 20, add.bytesRead());
    assertEquals(4 * 10, add.bytesWritten());
    OpCase gelu = new OpCase("gelu", true, 10);
    assertEquals(4 * (10 + 20), gelu.bytesRead()); // x; x again and the gradient from above
    assertEquals(4 * 20, gelu.bytesWritten());
    assertEquals(20, gelu.results());
    OpCase half = new OpCase("gelu", true, 10).inBf16();
    assertEquals("gelu-10-fb-bf16", half.id());
    assertEquals(gelu.bytes() / 2, half.bytes());
    OpCase embedding = new OpCase("embedding", true, 7, 3, 2);
    assertEquals(4 * (6 + 6), embedding.bytesRead());
    assertEquals(4 * (6 + 21), embedding.bytesWritten());
  }

  @Test
  void workOfSteps() {
    // Both layers forward and for their weights; backward to its input only the second.
    StepCase mlp = new StepCase(StepCase.Model.MLP_32, StepCase.Optimizer.NONE);
    assertEquals(2 * 32 * (2 * 784 * 128 + 3 * 128 * 10), mlp.operations());
    // 6 operations for each token and weight of a product, half of attention's masked.
    StepCase gpt = new StepCase(StepCase.Model.GPT2_B4_T64, StepCase.Optimizer.NONE);
    long others = 1024 * 768 + 12 * (9 + 4) * 768 + 2 * 768; // positions, biases, norms
    double attention = 6.0 * 12 * 4 * 64 * 64 * 768;
    double weights = 6.0 * 256 * (OpCase.GPT2_PARAMETERS - others);
    assertEquals(weights + attention, gpt.operations());
  }

  @Test
  void parametersOfGpt2() {
    assertEquals(OpCase.GPT2_PARAMETERS, StepCase.Model.GPT2_B4_T64.parameters());
    OpCase step = new OpCase("adamw", false, OpCase.GPT2_PARAMETERS);
    assertEquals(148, step.tensorSizes().size());
    assertEquals(OpCase.GPT2_PARAMETERS, step.tensorSizes().stream().mapToLong(n -> n).sum());
  }

  @Test
  void inputsAreTheSameEverywhere() {
    assertEquals(-1, Inputs.value(0, 0));
    assertEquals(0.7666216f, Inputs.value(0, 1));
    assertEquals(1, Inputs.index(1, 5, 10));
    assertEquals(7, Inputs.places(7).length);
    assertEquals(Inputs.PICKED, Inputs.places(1 << 20).length);
  }
}
