package dev.adjoint.benchmarks;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * A table of a report.
 *
 * @param head the columns' names
 * @param rows as many cells each
 */
record Table(List<String> head, List<List<String>> rows) {
  /** Our figures of a suite on a number of threads, and beside each what every peer takes. */
  static Table ofSuite(List<Row> rows) {
    List<String> peers = backends(rows, false);
    List<String> head = new ArrayList<>(List.of("case", "backend", "time", "spread"));
    head.addAll(List.of("rate", "of what binds"));
    head.addAll(peers);
    head.add("");
    List<List<String>> lines = new ArrayList<>();
    for (Row row : rows) {
      if (row.subject().own() || row.failed() || hasNoOwn(rows, row)) {
        List<String> line = new ArrayList<>();
        line.add(row.subject().caseId());
        line.add(row.subject().backend());
        line.add(Format.seconds(row.seconds()));
        line.add(Format.percent(row.spread()));
        line.add(Format.amount(row.rate(), row.unit()));
        line.add(row.share());
        peers.forEach(peer -> line.add(beside(row, peer)));
        line.add(row.remark());
        lines.add(line);
      }
    }
    return new Table(head, lines);
  }

  private static boolean hasNoOwn(List<Row> rows, Row row) {
    String id = row.subject().caseId();
    return rows.stream().noneMatch(r -> r.subject().own() && r.subject().caseId().equals(id));
  }

  /** A peer's ratio and the figure that it comes from. */
  private static String beside(Row own, String peer) {
    Double ratio = own.ratios().get(peer);
    if (ratio == null) {
      return "";
    }
    double cost = ratio * own.cost();
    String figure = own.isTime() ? Format.seconds(cost) : Format.amount(cost, own.unit());
    return Format.times(ratio) + " (" + figure + ")";
  }

  /** The names of our own backends, or of the peers, in the order in which they appear. */
  static List<String> backends(List<Row> rows, boolean own) {
    return rows.stream()
        .map(Row::subject)
        .filter(subject -> subject.own() == own)
        .map(Row.Subject::backend)
        .distinct()
        .toList();
  }

  /**
   * The median of the ratios to each peer, suite by suite, of rows that nothing disturbed: a peer
   * without a kernel for a type may be a hundred times slower there, which a mean would boast of.
   */
  static Table ofMedians(List<Row> rows) {
    List<String> peers = backends(rows, false);
    List<String> head = new ArrayList<>(List.of("suite", "threads", "backend"));
    head.addAll(peers);
    Map<List<String>, List<Row>> groups =
        rows.stream()
            .filter(row -> row.subject().own() && row.isTime())
            .filter(row -> !row.isDisturbed())
            .collect(
                Collectors.groupingBy(
                    row ->
                        List.of(
                            row.subject().suite(),
                            count(row.subject().threads()),
                            row.subject().backend()),
                    LinkedHashMap::new,
                    Collectors.toList()));
    List<List<String>> lines = new ArrayList<>();
    groups.forEach(
        (key, group) -> {
          List<String> line = new ArrayList<>(key);
          for (String peer : peers) {
            double[] ratios = ratios(group, peer);
            line.add(
                ratios.length == 0
                    ? ""
                    : Format.times(Statistics.median(ratios)) + " (n = " + ratios.length + ")");
          }
          lines.add(line);
        });
    return new Table(head, lines);
  }

  private static double[] ratios(List<Row> rows, String peer) {
    return rows.stream()
        .map(row -> row.ratios().getOrDefault(peer, Double.NaN))
        .mapToDouble(Double::doubleValue)
        .filter(ratio -> !Double.isNaN(ratio))
        .toArray();
  }

  /** What the machine can do. */
  static Table ofLimits(Limits limits) {
    return new Table(
        List.of("probe", "variant", "data in", "threads", "rate"),
        limits.all().stream()
            .map(
                limit ->
                    List.of(
                        limit.probe(),
                        limit.variant(),
                        limit.level(),
                        count(limit.threads()),
                        Format.amount(
                            limit.rate() * 1e-9, limit.isArithmetic() ? "GFLOP/s" : "GB/s")))
            .toList());
  }

  private static String count(int threads) {
    return threads == PeerProvider.ON_GPU ? Format.threads(threads) : String.valueOf(threads);
  }

  /** How far results are apart, the farthest first. */
  static Table ofParity(List<Results.Parity> comparisons) {
    return new Table(
        List.of("case", "backend", "peer", "largest difference", "largest value", "relative"),
        comparisons.stream()
            .sorted(Comparator.comparingDouble(Results.Parity::relative).reversed())
            .map(
                p ->
                    List.of(
                        p.caseId(),
                        p.backend(),
                        p.peer(),
                        Format.scientific(p.difference()),
                        Format.scientific(p.scale()),
                        Format.scientific(p.relative())))
            .toList());
  }
}
