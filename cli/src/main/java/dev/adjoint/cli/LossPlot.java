package dev.adjoint.cli;

import dev.adjoint.plot.Charts;
import dev.adjoint.train.Trainer.Progress;
import java.awt.BasicStroke;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler.YAxisPosition;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** {@code loss.png}: how the losses fell, and the learning rate that drove them. */
final class LossPlot {
  private LossPlot() {}

  /** Draws the steps of a run; at least one. */
  static void draw(List<Progress> run, Path file) throws IOException {
    XYChart chart = Charts.lines(1200, 700, "Training loss", "step", "loss (nats per character)");
    double[] steps = run.stream().mapToDouble(Progress::step).toArray();
    double[] losses = run.stream().mapToDouble(step -> finite(step.loss())).toArray();
    double[] rates = run.stream().mapToDouble(Progress::learningRate).toArray();
    var judged = run.stream().filter(step -> step.validationLoss().isPresent()).toList();

    XYSeries rate = Charts.line(chart, "learning rate", steps, rates, Charts.GRAY, 1.2f);
    rate.setLineStyle(
        new BasicStroke(
            1.2f, BasicStroke.CAP_BUTT, BasicStroke.JOIN_ROUND, 1, new float[] {5, 4}, 0));
    rate.setYAxisGroup(1);
    Charts.line(chart, "training", steps, losses, Charts.PALE_BLUE, 1f);
    Charts.line(chart, "training, smoothed", steps, smoothed(losses), Charts.BLUE, 2.6f);
    if (!judged.isEmpty()) {
      XYSeries validation =
          Charts.line(
              chart,
              "validation",
              judged.stream().mapToDouble(Progress::step).toArray(),
              judged.stream()
                  .mapToDouble(step -> finite(step.validationLoss().orElseThrow()))
                  .toArray(),
              Charts.ORANGE,
              1.6f);
      validation.setMarker(SeriesMarkers.CIRCLE);
      validation.setMarkerColor(Charts.ORANGE);
    }
    chart.getStyler().setXAxisMin(0.0);
    chart.getStyler().setXAxisDecimalPattern("#,##0").setYAxisDecimalPattern("0.0###");
    chart.setYAxisGroupTitle(1, "learning rate");
    chart.getStyler().setYAxisGroupPosition(1, YAxisPosition.Right);
    Charts.save(chart, file);
  }

  /** A gap in the line where a loss is not finite. */
  private static double finite(double loss) {
    return Double.isFinite(loss) ? loss : Double.NaN;
  }

  /** The mean of a hundredth of the run to either side. */
  private static double[] smoothed(double[] values) {
    int reach = values.length / 100;
    double[] means = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      means[i] =
          Arrays.stream(values, Math.max(0, i - reach), Math.min(values.length, i + reach + 1))
              .filter(value -> !Double.isNaN(value))
              .average()
              .orElse(Double.NaN);
    }
    return means;
  }
}
