package dev.adjoint.benchmarks;

/** The figures as Markdown tables. */
record MarkdownReport(Results results) {
  String text() {
    return "";
  }
}
