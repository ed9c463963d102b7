package dev.adjoint.plot;

import dev.adjoint.io.DurableFiles;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.XYStyler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** One look for all pictures. */
public final class Charts {
  /** Distinct also for most colour-blind readers (Okabe and Ito). */
  public static final Color BLUE = new Color(0x0072B2);

  /** The first colour, for what lies behind a line of it. */
  public static final Color PALE_BLUE = new Color(0xB3D3E8);

  /** The second colour. */
  public static final Color ORANGE = new Color(0xD55E00);

  /** The third colour. */
  public static final Color GREEN = new Color(0x009E73);

  /** The fourth colour. */
  public static final Color PURPLE = new Color(0xCC79A7);

  /** For what stays in the background. */
  public static final Color GRAY = new Color(0x8A8F98);

  private static final Color TEXT = new Color(0x30343B);
  private static final Color GRID = new Color(0xE6E8EB);
  private static final String FONT = Font.SANS_SERIF;

  private Charts() {}

  /** An empty chart of lines. */
  public static XYChart lines(int width, int height, String title, String x, String y) {
    XYChart chart =
        new XYChartBuilder()
            .width(width)
            .height(height)
            .title(title)
            .xAxisTitle(x)
            .yAxisTitle(y)
            .build();
    XYStyler style = chart.getStyler();
    style.setChartBackgroundColor(Color.WHITE);
    style.setPlotBackgroundColor(Color.WHITE);
    style.setPlotBorderVisible(false);
    style.setPlotGridLinesColor(GRID);
    style.setPlotGridLinesStroke(new BasicStroke(1));
    style.setAxisTickMarksColor(GRID);
    style.setAxisTickLabelsColor(TEXT);
    style.setChartFontColor(TEXT);
    style.setChartPadding(18);
    style.setPlotMargin(0);
    style.setChartTitleFont(new Font(FONT, Font.BOLD, 20));
    style.setAxisTitleFont(new Font(FONT, Font.PLAIN, 15));
    style.setAxisTickLabelsFont(new Font(FONT, Font.PLAIN, 13));
    style.setLegendFont(new Font(FONT, Font.PLAIN, 14));
    style.setLegendPosition(LegendPosition.InsideNE);
    style.setLegendBorderColor(Color.WHITE);
    style.setMarkerSize(7);
    style.setXAxisTickMarkSpacingHint(90);
    style.setYAxisTickMarkSpacingHint(60);
    style.setAntiAlias(true);
    return chart;
  }

  /** Adds a line of at least one point. */
  public static XYSeries line(
      XYChart chart, String name, double[] x, double[] y, Color color, float width) {
    // Equally spaced data would get labels at its own, odd numbers; with a shift that nobody sees
    // they stand at round ones.
    double[] shifted = x.clone();
    shifted[0] += 1e-3;
    XYSeries series = chart.addSeries(name, shifted, y);
    series.setLineColor(color);
    series.setLineStyle(new BasicStroke(width, BasicStroke.CAP_ROUND, BasicStroke.JOIN_ROUND));
    series.setMarker(SeriesMarkers.NONE);
    return series;
  }

  /** Writes a PNG file, which is there whole or as it was before. */
  public static void save(XYChart chart, Path file) throws IOException {
    save(BitmapEncoder.getBufferedImage(chart), file);
  }

  /** Writes a PNG file, which is there whole or as it was before. */
  public static void save(BufferedImage image, Path file) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    if (!ImageIO.write(image, "png", bytes)) {
      throw new IOException(file + ": this Java runtime cannot write PNG files");
    }
    DurableFiles.replace(
        "picture", file, channel -> bytes.writeTo(Channels.newOutputStream(channel)));
  }
}
