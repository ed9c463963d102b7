package dev.adjoint.examples;

import dev.adjoint.Adjoint;
import dev.adjoint.Scope;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.autograd.GradMode;
import dev.adjoint.nn.Activation;
import dev.adjoint.nn.Linear;
import dev.adjoint.nn.Layer;
import dev.adjoint.nn.Sequential;
import dev.adjoint.optim.AdamW;
import dev.adjoint.plot.Charts;
import dev.adjoint.plot.Drawing;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Random;

/**
 * Three spirals wound into each other: no straight line separates them, a small network does. It
 * learns from 450 points, and the picture shows what it makes of all the others.
 */
public final class Spirals {
  private static final int SPIRALS = 3;
  private static final int POINTS = 150; // on each spiral
  private static final int STEPS = 300;

  private Spirals() {}

  /** Runs the example; draws into the current folder. */
  public static void main(String[] args) throws IOException {
    run(new PrintWriter(System.out, true, System.out.charset()), Path.of(""));
  }

  /**
   * Trains the network, printing its progress, and draws {@code spirals.png}.
   *
   * @return the fraction of points that it classifies rightly in the end
   */
  public static double run(PrintWriter out, Path folder) throws IOException {
    Adjoint.manualSeed(1);
    float[] points = new float[SPIRALS * POINTS * 2];
    long[] labels = new long[SPIRALS * POINTS];
    makeSpirals(points, labels);

    try (var _ = Scope.open();
        Layer model =
            new Sequential(
                new Linear(2, 64),
                Activation.silu(),
                new Linear(64, 64),
                Activation.silu(),
                new Linear(64, SPIRALS));
        AdamW optimizer = new AdamW(model.parameters(), 0.01)) {
      Tensor x = Tensor.of(points).reshape(-1, 2);
      Tensor y = Tensor.of(labels);
      for (int step = 1; step <= STEPS; step++) {
        try (var _ = Scope.open()) {
          Tensor loss = model.apply(x).crossEntropy(y);
          optimizer.zeroGrad();
          loss.backward();
          optimizer.step();
          if (step % 50 == 0) {
            double percent = 100 * accuracy(model, x, y);
            out.printf(
                Locale.ROOT, "step %d: loss %.4f, %.1f %% right%n", step, loss.item(), percent);
          }
        }
      }
      String whyNot = Drawing.whyNot();
      if (whyNot == null) {
        Path picture = folder.resolve("spirals.png");
        Charts.save(Picture.draw(model, points, labels), picture);
        out.println("picture: " + picture);
      } else {
        out.println("no picture: " + whyNot);
      }
      return accuracy(model, x, y);
    }
  }

  /** Points at growing distance and angle, a little scattered, within [−1, 1]². */
  private static void makeSpirals(float[] points, long[] labels) {
    Random random = new Random(1);
    for (int i = 0; i < labels.length; i++) {
      int spiral = i / POINTS;
      double t = (i % POINTS + 1.0) / POINTS;
      double angle = 2 * Math.PI * spiral / SPIRALS + 5 * t + 0.1 * random.nextGaussian();
      points[2 * i] = (float) (0.95 * t * Math.cos(angle));
      points[2 * i + 1] = (float) (0.95 * t * Math.sin(angle));
      labels[i] = spiral;
    }
  }

  private static double accuracy(Layer model, Tensor x, Tensor y) {
    try (var _ = Scope.open();
        var _ = GradMode.off()) {
      Tensor right = model.apply(x).argmax(1).eq(y);
      return right.to(x.dtype()).mean().item();
    }
  }

  /** Apart, because the Java runtime may have no classes to draw with. */
  private static final class Picture {
    private static final int GRID = 300;
    private static final int PIXELS = 900;
    private static final Color[] COLORS = {Charts.BLUE, Charts.ORANGE, Charts.GREEN};

    /** The plane, coloured by the network's probabilities, and the points that it learned from. */
    static BufferedImage draw(Layer model, float[] points, long[] labels) {
      BufferedImage picture = new BufferedImage(PIXELS, PIXELS, BufferedImage.TYPE_INT_RGB);
      Graphics2D g = picture.createGraphics();
      g.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
      g.setRenderingHint(
          RenderingHints.KEY_INTERPOLATION, RenderingHints.VALUE_INTERPOLATION_BICUBIC);
      g.drawImage(plane(model), 0, 0, PIXELS, PIXELS, null);
      for (int i = 0; i < labels.length; i++) {
        int column = Math.round((points[2 * i] + 1) / 2 * PIXELS);
        int row = Math.round((1 - points[2 * i + 1]) / 2 * PIXELS);
        g.setColor(Color.WHITE);
        g.fillOval(column - 6, row - 6, 12, 12);
        g.setColor(COLORS[(int) labels[i]]);
        g.fillOval(column - 5, row - 5, 10, 10);
      }
      g.dispose();
      return picture;
    }

    private static BufferedImage plane(Layer model) {
      float[] places = new float[GRID * GRID * 2];
      for (int i = 0; i < GRID * GRID; i++) {
        int column = i % GRID;
        int row = i / GRID;
        places[2 * i] = 2f * column / (GRID - 1) - 1;
        places[2 * i + 1] = 1 - 2f * row / (GRID - 1);
      }
      try (var _ = Scope.open();
          var _ = GradMode.off()) {
        Tensor x = Tensor.of(places, Shape.of(GRID * GRID, 2), Adjoint.defaultDevice());
        float[] probabilities = model.apply(x).softmax(1).toFloatArray();
        BufferedImage image = new BufferedImage(GRID, GRID, BufferedImage.TYPE_INT_RGB);
        for (int i = 0; i < GRID * GRID; i++) {
          image.setRGB(i % GRID, i / GRID, mix(probabilities, SPIRALS * i).getRGB());
        }
        return image;
      }
    }

    /** The colours in proportion to the probabilities, half of it white. */
    private static Color mix(float[] probabilities, int at) {
      float[] rgb = {0.5f, 0.5f, 0.5f};
      for (int k = 0; k < SPIRALS; k++) {
        float[] color = COLORS[k].getRGBColorComponents(null);
        for (int c = 0; c < 3; c++) {
          rgb[c] += 0.5f * probabilities[at + k] * color[c];
        }
      }
      return new Color(Math.min(1, rgb[0]), Math.min(1, rgb[1]), Math.min(1, rgb[2]));
    }
  }
}
