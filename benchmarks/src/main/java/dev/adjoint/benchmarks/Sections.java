package dev.adjoint.benchmarks;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What the reports have in common: their order and their words. */
final class Sections {
  /** How it was measured. */
  static final String METHOD =
      """
      Each backend runs in a process of its own, on the number of threads that is stated. A case
      first runs until its process takes no new memory and Java's compiler has little left to do;
      then the processes take turns, several rounds of a few samples (JMH), so that whatever else
      the machine does meets all of them. Times are medians over all samples, the spread is the
      distance of the quartiles as a fraction of the median; a row with more than 10 % is marked as
      noisy. After each round the machine has to reach its own peak; if not, the round is repeated
      for all, and rows where that did not help are marked as disturbed.
      Ratios are a peer's time divided by ours: more than 1 means that we are faster. "Of what
      binds" is the least time that the machine needs for the operations and for the bytes (each
      input read once, each output written once), by the ceilings measured in the same run (medians
      too), divided by ours.
      On a GPU many runs are handed over before they are waited for; its ceilings are what our own
      copy kernel reaches on a large array and what cuBLAS reaches at large products.
      """;

  private Sections() {}

  /**
   * The rows of a suite on one number of threads.
   *
   * @param suite its name
   * @param threads how many
   * @param rows in the order in which they were measured
   */
  record Group(String suite, int threads, List<Row> rows) {
    String title() {
      String name =
          switch (suite) {
            case "gemm" -> "Matrix products";
            case "ops" -> "Operations";
            case "train" -> "Training steps";
            case "overhead" -> "Overhead";
            case "memory" ->
                threads == PeerProvider.ON_GPU
                    ? "Most memory in tensors during five steps"
                    : "Peak resident memory of training steps";
            case "accuracy" -> "Largest errors against float64";
            default -> suite;
          };
      return name + ", " + Format.threads(threads);
    }
  }

  static List<Group> groups(List<Row> rows) {
    Map<List<Object>, List<Row>> groups = new LinkedHashMap<>();
    for (Row row : rows) {
      List<Object> key = List.of(row.subject().suite(), row.subject().threads());
      groups.computeIfAbsent(key, _ -> new ArrayList<>()).add(row);
    }
    return groups.entrySet().stream()
        .map(e -> new Group((String) e.getKey().get(0), (int) e.getKey().get(1), e.getValue()))
        .toList();
  }
}
