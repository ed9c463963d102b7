package dev.adjoint.benchmarks;

import java.util.Locale;

/**
 * A picture that a page holds as text. Colours are classes of the page's style sheet, so that it
 * follows the reader's dark or light theme.
 */
final class Svg {
  /** Where a text begins, or ends, or has its middle. */
  enum Anchor {
    START,
    MIDDLE,
    END
  }

  private final StringBuilder body = new StringBuilder();
  private final int width;
  private final int height;
  private final String label;

  /**
   * @param width in pixels, before it is scaled to the page
   * @param height likewise
   * @param label what it shows, for those who cannot see it
   */
  Svg(int width, int height, String label) {
    this.width = width;
    this.height = height;
    this.label = label;
  }

  private Svg add(String element) {
    body.append(element).append('\n');
    return this;
  }

  /** A coordinate; a tenth of a pixel is enough. */
  private static String n(double value) {
    return String.format(Locale.ROOT, "%.1f", value);
  }

  Svg line(double x1, double y1, double x2, double y2, String style) {
    return add(
        "<line x1='%s' y1='%s' x2='%s' y2='%s' class='%s'/>"
            .formatted(n(x1), n(y1), n(x2), n(y2), style));
  }

  /** With a text that appears where the pointer rests. */
  Svg bar(double x, double y, double w, double h, String style, String hover) {
    return add(
        "<rect x='%s' y='%s' width='%s' height='%s' rx='2' class='%s'><title>%s</title></rect>"
            .formatted(n(x), n(y), n(Math.max(w, 1)), n(h), style, escape(hover)));
  }

  /** Likewise. */
  Svg dot(double x, double y, double radius, String style, String hover) {
    return add(
        "<circle cx='%s' cy='%s' r='%s' class='%s'><title>%s</title></circle>"
            .formatted(n(x), n(y), n(radius), style, escape(hover)));
  }

  /** A line through points x₀, y₀, x₁, y₁, … */
  Svg path(double[] points, String style) {
    StringBuilder list = new StringBuilder();
    for (int i = 0; i < points.length; i += 2) {
      list.append(n(points[i])).append(',').append(n(points[i + 1])).append(' ');
    }
    return add("<polyline points='%s' class='%s'/>".formatted(list.toString().strip(), style));
  }

  Svg text(double x, double y, Anchor anchor, String style, String text) {
    return add(
        "<text x='%s' y='%s' text-anchor='%s' class='%s'>%s</text>"
            .formatted(n(x), n(y), anchor.name().toLowerCase(Locale.ROOT), style, escape(text)));
  }

  static String escape(String text) {
    return text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("'", "&#39;")
        .replace("\"", "&quot;");
  }

  @Override
  public String toString() {
    return "<svg viewBox='0 0 %s %s' width='%s' role='img' aria-label='%s'>\n%s</svg>\n"
        .formatted(width, height, width, escape(label), body);
  }
}
