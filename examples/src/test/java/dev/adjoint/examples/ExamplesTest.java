package dev.adjoint.examples;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.file.Path;
import java.util.Objects;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ExamplesTest {
  private final PrintWriter nowhere = new PrintWriter(Writer.nullWriter());

  /** The ten steps in float arithmetic, operation by operation in PyTorch's order. */
  @Test
  void gradientDescentEqualsFloatArithmetic() {
    float[] expected = new float[10];
    float w = 1;
    for (int step = 0; step < expected.length; step++) {
      float difference = w * 2 - 3;
      float gradient = 2 * difference * 1 * 2;
      w = w - 0.1f * gradient;
      expected[step] = w;
    }
    float[] found = GradientDescent.run(nowhere);
    assertArrayEquals(expected, found);
    assertEquals(1.5, found[9], 1e-6);
  }

  @Test
  void activationsEqualTheirFormulas(@TempDir Path folder) throws IOException {
    assertTrue(Activations.run(nowhere, folder) < 1e-14);
    assertPicture(folder.resolve("activations.png"));
  }

  @Test
  void spiralsAreLearned(@TempDir Path folder) throws IOException {
    assertTrue(Spirals.run(nowhere, folder) > 0.95);
    assertPicture(folder.resolve("spirals.png"));
  }

  private static void assertPicture(Path file) throws IOException {
    BufferedImage image = Objects.requireNonNull(ImageIO.read(file.toFile()));
    long colors =
        java.util.stream.IntStream.range(0, image.getWidth() * image.getHeight())
            .map(i -> image.getRGB(i % image.getWidth(), i / image.getWidth()))
            .distinct()
            .count();
    assertTrue(colors > 4, file + " has " + colors + " colours");
  }
}
