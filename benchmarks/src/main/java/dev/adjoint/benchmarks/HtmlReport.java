package dev.adjoint.benchmarks;

/** The figures as Html tables. */
record HtmlReport(Results results) {
  String text() {
    return "";
  }
}
