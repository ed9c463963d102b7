package dev.adjoint.benchmarks;

import static dev.adjoint.benchmarks.Svg.escape;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;

/**
 * The figures as one page that needs nothing else.
 *
 * @param results the figures
 */
record HtmlReport(Results results) {
  private static final String STYLE = "report.css";

  String text() {
    List<Row> rows = results.rows();
    Charts charts = new Charts(backends(rows));
    StringBuilder out = new StringBuilder();
    out.append("<!doctype html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n");
    out.append("<meta name='viewport' content='width=device-width, initial-scale=1'>\n");
    out.append("<title>Adjoint benchmarks</title>\n<style>\n").append(style()).append("</style>\n");
    out.append("</head>\n<body>\n<main>\n<header>\n<h1>Adjoint benchmarks</h1>\n");
    paragraph(out, "machine", results.machine().title());
    paragraph(out, "details", results.machine().details());
    out.append("<ul class='details'>\n");
    results
        .versions()
        .forEach(
            (name, text) ->
                out.append("<li><b>%s</b> %s</li>\n".formatted(escape(name), escape(text))));
    out.append("</ul>\n</header>\n");
    if (!Table.backends(rows, false).isEmpty()) {
      section(out, "Median of the ratios", "", Table.ofMedians(rows));
    }
    for (Sections.Group group : Sections.groups(rows)) {
      section(out, group.title(), pictures(charts, group), Table.ofSuite(group.rows()));
    }
    section(out, "Ceilings of this machine", "", Table.ofLimits(results.limits()));
    section(out, "Parity: the same was computed", "", Table.ofParity(results.parity()));
    out.append("<section>\n<h2>How it was measured</h2>\n");
    paragraph(out, "method", Sections.METHOD);
    out.append("</section>\n</main>\n</body>\n</html>\n");
    return out.toString();
  }

  private String pictures(Charts charts, Sections.Group group) {
    List<Row> rows = group.rows();
    String title = group.title();
    String inside =
        switch (group.suite()) {
          case "gemm" ->
              figure(
                      "Square products in float32 by size",
                      charts.products(
                          title, rows, results.limits().arithmetic("f32", group.threads())))
                  + figure(
                      "Fraction of the ceiling that binds: bars are ours, dots the peers'",
                      charts.fractions(title, rows))
                  + figure(
                      "A peer's time by ours; right of 1 we are faster",
                      charts.ratios(title, rows));
          case "ops", "train" ->
              figure("A peer's time by ours; right of 1 we are faster", charts.ratios(title, rows))
                  + figure(
                      "Fraction of the ceiling that binds: bars are ours, dots the peers'",
                      charts.fractions(title, rows));
          case "memory" -> figure("Less is better", charts.amounts(title, rows));
          case "overhead" ->
              figure("A peer's time by ours; right of 1 we are faster", charts.ratios(title, rows));
          default -> "";
        };
    return inside.isEmpty() ? "" : legend(charts, rows) + inside;
  }

  /** Our own first. */
  private static List<String> backends(List<Row> rows) {
    List<String> names = new ArrayList<>(Table.backends(rows, true));
    names.addAll(Table.backends(rows, false));
    return names;
  }

  private static String legend(Charts charts, List<Row> rows) {
    return backends(rows).stream()
        .map(
            name ->
                "<span><i class='%s'></i>%s</span>".formatted(charts.colour(name), escape(name)))
        .collect(Collectors.joining("\n", "<p class='legend'>\n", "\n</p>\n"));
  }

  private static String figure(String caption, String svg) {
    return svg.isEmpty()
        ? ""
        : "<figure>\n<figcaption>" + escape(caption) + "</figcaption>\n" + svg + "</figure>\n";
  }

  /** Short tables are shown; long ones unfold. */
  private static void section(StringBuilder out, String title, String pictures, Table table) {
    if (table.rows().isEmpty()) {
      return;
    }
    out.append("<section>\n<h2>%s</h2>\n".formatted(escape(title))).append(pictures);
    boolean isLong = !pictures.isEmpty() || table.rows().size() > 20;
    if (isLong) {
      out.append("<details>\n<summary>All %s rows</summary>\n".formatted(table.rows().size()));
    }
    out.append("<div class='table'><table>\n");
    line(out, "th", table.head());
    table.rows().forEach(row -> line(out, "td", row));
    out.append("</table></div>\n").append(isLong ? "</details>\n" : "").append("</section>\n");
  }

  private static void line(StringBuilder out, String tag, List<String> cells) {
    out.append("<tr>");
    cells.forEach(cell -> out.append("<%s>%s</%s>".formatted(tag, escape(cell), tag)));
    out.append("</tr>\n");
  }

  private static void paragraph(StringBuilder out, String style, String text) {
    out.append("<p class='%s'>%s</p>\n".formatted(style, escape(text.strip())));
  }

  private static String style() {
    try (InputStream in = Objects.requireNonNull(HtmlReport.class.getResourceAsStream(STYLE))) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
