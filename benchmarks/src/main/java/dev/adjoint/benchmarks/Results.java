package dev.adjoint.benchmarks;

import dev.adjoint.io.DurableFiles;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** All that one run has found so far. Safe to read while it is still measuring. */
final class Results {
  private final Machine machine;
  private final Limits limits;
  private final Map<String, String> versions = new LinkedHashMap<>();
  private final List<Row> rows = new ArrayList<>();
  private final List<Parity> parity = new ArrayList<>();
  private boolean finished;

  Results(Machine machine) {
    this.machine = machine;
    this.limits = new Limits(machine);
  }

  /**
   * One comparison of two results of the same case.
   *
   * @param caseId the case
   * @param backend ours
   * @param peer the other one
   * @param difference the largest absolute one
   * @param scale the largest absolute value
   */
  record Parity(String caseId, String backend, String peer, double difference, double scale) {
    double relative() {
      return difference == 0 ? 0 : difference / scale;
    }

    Map<String, Object> toMap() {
      Map<String, Object> map = new LinkedHashMap<>();
      map.put("case", caseId);
      map.put("backend", backend);
      map.put("peer", peer);
      map.put("difference", difference);
      map.put("scale", scale);
      return map;
    }
  }

  Machine machine() {
    return machine;
  }

  Limits limits() {
    return limits;
  }

  /** What each backend says of itself, by its label; or why it could not run. */
  synchronized Map<String, String> versions() {
    return new LinkedHashMap<>(versions);
  }

  /** The figures, in the order in which they were measured, against the limits known by now. */
  synchronized List<Row> rows() {
    return rows.stream().map(limits::judge).toList();
  }

  /** How far our results are from the peers'. */
  synchronized List<Parity> parity() {
    return List.copyOf(parity);
  }

  synchronized void version(String backend, String version) {
    versions.put(backend, version);
  }

  synchronized void add(Row row) {
    if (!finished) {
      rows.add(row);
    }
  }

  synchronized void add(Parity comparison) {
    if (!finished) {
      parity.add(comparison);
    }
  }

  /** Takes no more: the run was interrupted, and what fails now fails because of that. */
  synchronized void finish() {
    finished = true;
  }

  /** All of it as JSON. */
  String json() {
    Map<String, Object> whole = new LinkedHashMap<>();
    whole.put("machine", machine.toMap());
    whole.put("versions", versions());
    whole.put("ceilings", limits.all().stream().map(Limits.Limit::toMap).toList());
    whole.put("rows", rows().stream().map(Row::toMap).toList());
    whole.put("parity", parity().stream().map(Parity::toMap).toList());
    return Json.write(whole);
  }

  /** Writes a file that is never seen half-written. */
  static void save(Path file, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    DurableFiles.replace("bench", file, channel -> Channels.newOutputStream(channel).write(bytes));
  }
}
