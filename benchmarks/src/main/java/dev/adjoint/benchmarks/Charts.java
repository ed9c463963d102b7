package dev.adjoint.benchmarks;

import dev.adjoint.benchmarks.Svg.Anchor;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.DoubleStream;

/** The pictures of {@link HtmlReport}. */
final class Charts {
  private static final int WIDTH = 860;
  private static final int LABELS = 250; // room for names at the left
  private static final int RIGHT = 70; // room for figures at the right
  private static final int TOP = 24;
  private static final double MOST_RATIO = 16;

  private final List<String> backends;

  /**
   * @param backends all, in the order of their colours
   */
  Charts(List<String> backends) {
    this.backends = backends;
  }

  /** The class of a backend's colour. */
  String colour(String backend) {
    return "c" + backends.indexOf(backend) % 8;
  }

  // ---- ratios ----

  /**
   * Bars from 1 to the right where we are faster, to the left where not; a logarithmic scale. Bars
   * that would leave it end at its edge, so that one row does not flatten all others.
   */
  String ratios(String title, List<Row> rows) {
    List<Row> own =
        rows.stream().filter(row -> row.subject().own() && !row.ratios().isEmpty()).toList();
    if (own.isEmpty()) {
      return "";
    }
    double least = 0.5;
    double most = 2;
    int bars = 0;
    for (Row row : own) {
      for (double ratio : row.ratios().values()) {
        least = Math.min(least, ratio);
        most = Math.max(most, ratio);
        bars++;
      }
    }
    double low = Math.floor(log2(Math.max(least, 1 / MOST_RATIO)));
    double high = Math.ceil(log2(Math.min(most, MOST_RATIO)));
    int bar = 11;
    int gap = 10;
    int height = TOP + bars * bar + own.size() * gap + 6;
    double span = WIDTH - LABELS - RIGHT;
    Svg svg = new Svg(WIDTH, height, title);
    for (double tick = low; tick <= high; tick++) {
      double x = LABELS + (tick - low) / (high - low) * span;
      svg.line(x, TOP - 6, x, height, tick == 0 ? "axis" : "grid");
      String name = tick < 0 ? "1/" + (1 << (int) -tick) : String.valueOf(1 << (int) tick);
      svg.text(x, TOP - 10, Anchor.MIDDLE, "tick", name + "×");
    }
    double one = LABELS - low / (high - low) * span;
    double y = TOP;
    for (Row row : own) {
      svg.text(
          LABELS - 10,
          y + row.ratios().size() * bar / 2.0 + 4,
          Anchor.END,
          "name",
          row.subject().caseId());
      for (var entry : row.ratios().entrySet()) {
        double place = Math.clamp(log2(entry.getValue()), low, high);
        double x = LABELS + (place - low) / (high - low) * span;
        String value = Format.times(entry.getValue());
        svg.bar(
            Math.min(one, x),
            y + 1,
            Math.abs(x - one),
            bar - 2,
            colour(entry.getKey()),
            row.subject().caseId() + ": " + value + " " + entry.getKey());
        boolean faster = x >= one;
        svg.text(x + (faster ? 4 : -4), y + 9, faster ? Anchor.START : Anchor.END, "value", value);
        y += bar;
      }
      y += gap;
    }
    return svg.toString();
  }

  private static double log2(double x) {
    return Math.log(x) / Math.log(2);
  }

  // ---- fractions of what binds ----

  /** A bar for each of our rows, and on it a dot for each peer. */
  String fractions(String title, List<Row> rows) {
    List<Row> own =
        rows.stream().filter(row -> row.subject().own() && !Double.isNaN(row.fraction())).toList();
    if (own.isEmpty()) {
      return "";
    }
    int line = 22;
    int height = TOP + own.size() * line + 4;
    double span = WIDTH - LABELS - RIGHT;
    double most =
        Math.max(1, rows.stream().mapToDouble(Row::fraction).filter(f -> f < 4).max().orElse(1));
    Svg svg = new Svg(WIDTH, height, title);
    for (int percent = 0; percent <= 100; percent += 25) {
      double x = LABELS + percent / 100.0 / most * span;
      svg.line(x, TOP - 6, x, height, percent == 100 ? "axis" : "grid");
      svg.text(x, TOP - 10, Anchor.MIDDLE, "tick", percent + " %");
    }
    double y = TOP;
    for (Row row : own) {
      String id = row.subject().caseId();
      svg.text(LABELS - 10, y + 15, Anchor.END, "name", id);
      svg.bar(
          LABELS,
          y + 4,
          Math.min(row.fraction(), most) / most * span,
          line - 8,
          colour(row.subject().backend()),
          hover(row));
      for (Row peer : rows) {
        if (!peer.subject().own()
            && peer.subject().caseId().equals(id)
            && !Double.isNaN(peer.fraction())) {
          double x = LABELS + Math.min(peer.fraction(), most) / most * span;
          svg.dot(x, y + line / 2.0, 4.5, colour(peer.subject().backend()) + " ring", hover(peer));
        }
      }
      svg.text(WIDTH - RIGHT + 8, y + 15, Anchor.START, "value", Format.percent(row.fraction()));
      y += line;
    }
    return svg.toString();
  }

  private static String hover(Row row) {
    return "%s, %s: %s, %s, %s of %s"
        .formatted(
            row.subject().caseId(),
            row.subject().backend(),
            Format.seconds(row.seconds()),
            Format.amount(row.rate(), row.unit()),
            Format.percent(row.fraction()),
            row.limit());
  }

  // ---- matrix products by size ----

  /** GFLOP/s of square float32 products, and the peak. */
  String products(String title, List<Row> rows, Optional<Limits.Limit> peak) {
    record Point(int size, Row row) {}
    List<Point> points = new ArrayList<>();
    for (Row row : rows) {
      if (row.isTime()
          && Case.parse(row.subject().caseId()) instanceof GemmCase c
          && c.equals(new GemmCase("f32", c.m(), c.m(), c.m()))) {
        points.add(new Point((int) c.m(), row));
      }
    }
    List<Integer> sizes = points.stream().map(Point::size).distinct().sorted().toList();
    if (sizes.size() < 2) {
      return "";
    }
    int height = 300;
    int left = 60;
    int bottom = height - 34;
    double span = WIDTH - left - 30;
    double top =
        Math.max(
            peak.map(limit -> limit.rate() * 1e-9).orElse(0.0),
            points.stream().mapToDouble(p -> p.row().rate()).max().orElse(1));
    double step = Math.pow(10, Math.floor(Math.log10(top)));
    step = top / step < 2.5 ? step / 4 : top / step < 5 ? step / 2 : step;
    double scale = (bottom - TOP) / (Math.ceil(top * 1.02 / step) * step);
    Svg svg = new Svg(WIDTH, height, title);
    for (double tick = 0; bottom - tick * scale >= TOP - 1; tick += step) {
      double y = bottom - tick * scale;
      svg.line(left, y, left + span, y, tick == 0 ? "axis" : "grid");
      svg.text(left - 8, y + 4, Anchor.END, "tick", Format.digits(tick));
    }
    svg.text(left, TOP - 10, Anchor.MIDDLE, "tick", "GFLOP/s");
    for (int size : sizes) {
      svg.text(x(sizes, size, left, span), bottom + 18, Anchor.MIDDLE, "tick", size + "³");
    }
    if (peak.isPresent()) {
      double y = bottom - peak.get().rate() * 1e-9 * scale;
      svg.line(left, y, left + span, y, "peak");
      svg.text(
          left + 8,
          y - 6,
          Anchor.START,
          "value",
          peak.get().probe() + " " + Format.amount(peak.get().rate() * 1e-9, "GFLOP/s"));
    }
    // Ours last, on top.
    for (String backend : backends.reversed()) {
      List<Point> line =
          points.stream().filter(p -> p.row().subject().backend().equals(backend)).toList();
      double[] coordinates =
          line.stream()
              .flatMapToDouble(
                  p ->
                      DoubleStream.of(
                          x(sizes, p.size(), left, span), bottom - p.row().rate() * scale))
              .toArray();
      if (line.isEmpty()) {
        continue;
      }
      svg.path(coordinates, "trend " + colour(backend));
      for (int i = 0; i < line.size(); i++) {
        svg.dot(
            coordinates[2 * i],
            coordinates[2 * i + 1],
            4,
            colour(backend) + " ring",
            hover(line.get(i).row()));
      }
    }
    return svg.toString();
  }

  private static double x(List<Integer> sizes, int size, int left, double span) {
    double first = log2(sizes.getFirst());
    return left + 24 + (log2(size) - first) / (log2(sizes.getLast()) - first) * (span - 48);
  }

  // ---- plain amounts ----

  /** A bar for each row, all in one unit. */
  String amounts(String title, List<Row> rows) {
    List<Row> shown = rows.stream().filter(row -> !row.failed()).toList();
    if (shown.isEmpty()) {
      return "";
    }
    int line = 20;
    double span = WIDTH - LABELS - 2 * RIGHT;
    double most = shown.stream().mapToDouble(Row::cost).max().orElse(1);
    Svg svg = new Svg(WIDTH, shown.size() * line + 24, title);
    double y = 4;
    String before = "";
    for (Row row : shown) {
      String id = row.subject().caseId();
      if (!id.equals(before)) {
        svg.text(LABELS - 10, y + 14, Anchor.END, "name", id);
        before = id;
      }
      double length = row.cost() / most * span;
      String figure = Format.amount(row.rate(), row.unit());
      svg.bar(
          LABELS,
          y + 3,
          length,
          line - 6,
          colour(row.subject().backend()),
          id + ", " + row.subject().backend() + ": " + figure);
      svg.text(LABELS + length + 6, y + 14, Anchor.START, "value", figure);
      y += line;
    }
    return svg.toString();
  }
}
