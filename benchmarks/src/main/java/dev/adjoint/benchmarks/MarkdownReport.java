package dev.adjoint.benchmarks;

import java.util.List;
import java.util.stream.Collectors;

/**
 * The figures as Markdown tables.
 *
 * @param results the figures
 */
record MarkdownReport(Results results) {
  String text() {
    StringBuilder out = new StringBuilder("# Benchmarks\n\n");
    out.append(results.machine().title()).append(".  \n");
    out.append(results.machine().details()).append(".\n\n");
    results
        .versions()
        .forEach(
            (name, text) -> out.append("- ").append(name).append(": ").append(text).append('\n'));
    out.append('\n').append(Sections.METHOD).append('\n');
    List<Row> rows = results.rows();
    section(out, "Median of the ratios", Table.ofMedians(rows));
    for (Sections.Group group : Sections.groups(rows)) {
      section(out, group.title(), Table.ofSuite(group.rows()));
    }
    section(out, "Ceilings", Table.ofLimits(results.limits()));
    section(out, "Parity", Table.ofParity(results.parity()));
    return out.toString();
  }

  private static void section(StringBuilder out, String title, Table table) {
    if (!table.rows().isEmpty()) {
      out.append("\n## ").append(title).append("\n\n");
      line(out, table.head());
      line(out, table.head().stream().map(_ -> "---").toList());
      table.rows().forEach(row -> line(out, row));
    }
  }

  private static void line(StringBuilder out, List<String> cells) {
    out.append(
        cells.stream()
            .map(cell -> cell.replace("|", "\\|"))
            .collect(Collectors.joining(" | ", "| ", " |\n")));
  }
}
