package dev.adjoint.benchmarks;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * One measured figure.
 *
 * @param subject of what
 * @param seconds the median time of one run; NaN if no time was measured
 * @param spread the distance of the quartiles as a fraction of the median; NaN likewise
 * @param rate how much per second, or what was measured instead of a time; NaN if nothing was
 * @param unit of the rate
 * @param fraction of the limit that binds; NaN if none is known
 * @param limit which limit that is; may be empty
 * @param ratios how many times as much each peer has of what should be little (time, bytes,
 *     errors): more than 1 is good for us
 * @param note what a reader must know; may be empty
 */
record Row(
    Subject subject,
    double seconds,
    double spread,
    double rate,
    String unit,
    double fraction,
    String limit,
    Map<String, Double> ratios,
    String note) {
  /** A wider spread is pointed out. */
  private static final double NOISY = 0.1;

  private static final double NONE = Double.NaN;

  private static final String DISTURBED = "disturbed";

  /**
   * What a row is about.
   *
   * @param suite the suite
   * @param caseId what was measured
   * @param backend who computed it, with its setting
   * @param own whether that is one of our own backends
   * @param threads with how many threads; {@link PeerProvider#ON_GPU} on a GPU
   */
  record Subject(String suite, String caseId, String backend, boolean own, int threads) {}

  /** Nothing but the reason why there is nothing. */
  static Row failed(Subject subject, String why) {
    return new Row(subject, NONE, NONE, NONE, "", NONE, "", Map.of(), why);
  }

  /** A figure that is no time. */
  static Row figure(Subject subject, double value, String unit, String note) {
    return new Row(subject, NONE, NONE, value, unit, NONE, "", Map.of(), note);
  }

  /** The time of a run, of which there are samples. */
  static Row time(Subject subject, double[] samples) {
    double spread = Statistics.spread(samples);
    return new Row(
        subject,
        Statistics.median(samples),
        spread,
        NONE,
        "",
        NONE,
        "",
        Map.of(),
        spread > NOISY ? "noisy" : "");
  }

  Row withRate(double newRate, String newUnit) {
    return new Row(subject, seconds, spread, newRate, newUnit, fraction, limit, ratios, note);
  }

  Row withLimit(double leastSeconds, String newLimit) {
    return new Row(
        subject, seconds, spread, rate, unit, leastSeconds / seconds, newLimit, ratios, note);
  }

  /** Measured while the machine was not itself. */
  Row disturbed() {
    String both = note.isEmpty() ? DISTURBED : note + ", " + DISTURBED;
    return new Row(subject, seconds, spread, rate, unit, fraction, limit, ratios, both);
  }

  Row withRatios(Map<String, Double> newRatios) {
    return new Row(subject, seconds, spread, rate, unit, fraction, limit, newRatios, note);
  }

  boolean isDisturbed() {
    return note.endsWith(DISTURBED);
  }

  boolean isTime() {
    return !Double.isNaN(seconds);
  }

  /** Whether nothing was measured; the note then says why. */
  boolean failed() {
    return Double.isNaN(cost());
  }

  /** The fraction of what binds, for people; empty if that is not known. */
  String share() {
    return limit.isEmpty() ? "" : Format.percent(fraction) + " of " + limit;
  }

  /** The note, for people. */
  String remark() {
    return failed() ? "failed: " + note : note;
  }

  /** What should be little: the time, or else the figure; NaN if there is neither. */
  double cost() {
    return isTime() ? seconds : rate;
  }

  Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("suite", subject.suite());
    map.put("case", subject.caseId());
    map.put("backend", subject.backend());
    map.put("threads", subject.threads());
    map.put("seconds", seconds);
    map.put("spread", spread);
    map.put("rate", rate);
    map.put("unit", unit);
    map.put("fraction", fraction);
    map.put("limit", limit);
    map.put("ratios", ratios);
    map.put("note", note);
    return map;
  }
}
