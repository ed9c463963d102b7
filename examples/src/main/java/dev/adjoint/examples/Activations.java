package dev.adjoint.examples;

import dev.adjoint.Scope;
import dev.adjoint.Tensor;
import dev.adjoint.plot.Charts;
import dev.adjoint.plot.Drawing;
import java.awt.Color;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.function.DoubleUnaryOperator;
import java.util.function.UnaryOperator;
import org.knowm.xchart.XYChart;

/**
 * Four activation functions and their derivatives: computed by automatic differentiation, held
 * against the formulas from the textbook, printed as a table and drawn.
 */
public final class Activations {
  /** A function as a tensor operation, and what a textbook says about it. */
  private record Activation(
      String name,
      UnaryOperator<Tensor> function,
      DoubleUnaryOperator value,
      DoubleUnaryOperator derivative) {}

  private static final List<Activation> ACTIVATIONS =
      List.of(
          new Activation("ReLU", Tensor::relu, x -> Math.max(x, 0), x -> x > 0 ? 1 : 0),
          new Activation(
              "GELU", Tensor::gelu, x -> x * normalCdf(x), x -> normalCdf(x) + x * normalPdf(x)),
          new Activation(
              "SiLU",
              Tensor::silu,
              x -> x * sigmoid(x),
              x -> sigmoid(x) * (1 + x * (1 - sigmoid(x)))),
          new Activation(
              "sigmoid", Tensor::sigmoid, x -> sigmoid(x), x -> sigmoid(x) * (1 - sigmoid(x))));

  private Activations() {}

  /** Runs the example; draws into the current folder. */
  public static void main(String[] args) throws IOException {
    run(new PrintWriter(System.out, true, System.out.charset()), Path.of(""));
  }

  /**
   * Prints the table and draws {@code activations.png}.
   *
   * @return the largest distance between a computed number and its formula
   */
  public static double run(PrintWriter out, Path folder) throws IOException {
    double[] points = {-4, -2, -1, -0.5, 0, 0.5, 1, 2, 4};
    double worst = 0;
    out.print("      x");
    ACTIVATIONS.forEach(a -> out.printf(Locale.ROOT, "%10s%10s", a.name(), "slope"));
    out.println();
    double[][] columns = new double[2 * ACTIVATIONS.size()][];
    for (int i = 0; i < ACTIVATIONS.size(); i++) {
      Activation activation = ACTIVATIONS.get(i);
      double[][] computed = valuesAndSlopes(activation, points);
      columns[2 * i] = computed[0];
      columns[2 * i + 1] = computed[1];
      worst = Math.max(worst, distance(computed[0], activation.value(), points));
      worst = Math.max(worst, distance(computed[1], activation.derivative(), points));
    }
    for (int row = 0; row < points.length; row++) {
      out.printf(Locale.ROOT, "%7.2f", points[row]);
      for (double[] column : columns) {
        out.printf(Locale.ROOT, "%10.6f", column[row]);
      }
      out.println();
    }
    out.printf(Locale.ROOT, "largest distance from the formulas: %.1e%n", worst);
    String whyNot = Drawing.whyNot();
    if (whyNot == null) {
      Path picture = folder.resolve("activations.png");
      draw(picture);
      out.println("picture: " + picture);
    } else {
      out.println("no picture: " + whyNot);
    }
    return worst;
  }

  /** The function at each point, and its derivative there by one backward pass. */
  private static double[][] valuesAndSlopes(Activation activation, double[] points) {
    try (var _ = Scope.open()) {
      Tensor x = Tensor.of(points).requiresGrad_(true);
      Tensor y = activation.function().apply(x);
      y.sum().backward(); // each y depends on its own x only: this gives all slopes at once
      return new double[][] {y.toDoubleArray(), Objects.requireNonNull(x.grad()).toDoubleArray()};
    }
  }

  private static double distance(double[] computed, DoubleUnaryOperator formula, double[] points) {
    double worst = 0;
    for (int i = 0; i < points.length; i++) {
      worst = Math.max(worst, Math.abs(computed[i] - formula.applyAsDouble(points[i])));
    }
    return worst;
  }

  private static void draw(Path file) throws IOException {
    double[] points = new double[401];
    for (int i = 0; i < points.length; i++) {
      points[i] = -4 + 8.0 * i / (points.length - 1);
    }
    XYChart chart =
        Charts.lines(1000, 700, "Activations (bold) and their derivatives (thin)", "x", "");
    List<Color> colors = List.of(Charts.BLUE, Charts.ORANGE, Charts.GREEN, Charts.PURPLE);
    for (int i = 0; i < ACTIVATIONS.size(); i++) {
      Activation activation = ACTIVATIONS.get(i);
      double[][] computed = valuesAndSlopes(activation, points);
      Charts.line(chart, activation.name(), points, computed[0], colors.get(i), 3f);
      Charts.line(chart, activation.name() + "'", points, computed[1], colors.get(i), 1.2f);
    }
    chart.getStyler().setLegendPosition(org.knowm.xchart.style.Styler.LegendPosition.InsideNW);
    chart.getStyler().setYAxisMin(-1.0).setYAxisMax(3.0);
    Charts.save(chart, file);
  }

  private static double sigmoid(double x) {
    return 1 / (1 + Math.exp(-x));
  }

  private static double normalPdf(double x) {
    return Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
  }

  /** Φ(x) by its series 1/2 + φ(x)·(x + x³/3 + x⁵/(3·5) + …). */
  private static double normalCdf(double x) {
    double term = x;
    double sum = x;
    for (int n = 3; Math.abs(term) > 1e-18; n += 2) {
      term *= x * x / n;
      sum += term;
    }
    return 0.5 + normalPdf(x) * sum;
  }
}
