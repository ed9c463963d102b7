package dev.adjoint.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.benchmarks.Limits.Limit;
import dev.adjoint.benchmarks.Row.Subject;
import java.time.LocalDate;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ReportsTest {
  private static Results results() {
    Machine machine =
        new Machine(
            "A \"CPU\" <1>",
            2,
            1 << 19,
            1 << 25,
            1L << 34,
            "Linux",
            "madvise",
            "25",
            "1",
            LocalDate.of(2026, 1, 2));
    Results results = new Results(machine);
    results.limits().add(new Limit("fma_f32", "v3", "registers", 1, 1e11));
    results.limits().add(new Limit("fma_f32", "v3", "registers", 1, 9e10)); // worse: not kept
    results.limits().add(new Limit("triad", "v3", "L2", 1, 1e10));
    results.version("ours", "1");
    double[] samples = {0.9e-4, 1e-4, 1.05e-4};
    Subject ours = new Subject("gemm", "f32-128x128x128-nn", "ours", true, 1);
    results.add(Row.time(ours, samples).withRatios(Map.of("peer", 2.0)));
    Subject peer = new Subject("gemm", "f32-128x128x128-nn", "peer", false, 1);
    results.add(Row.time(peer, new double[] {2e-4}));
    results.add(Row.failed(new Subject("gemm", "f32-8x8x8-nn", "peer", false, 1), "it died"));
    results.add(new Results.Parity("f32-128x128x128-nn", "ours", "peer", 1e-6, 4));
    return results;
  }

  @Test
  void json() {
    assertEquals(
        """
        {
        "machine": {"cpu": "A \\"CPU\\" <1>", "processors": 2, "level2": 524288, "level3": 33554432, \
        "memory": 17179869184, "system": "Linux", "hugePages": "madvise", "jdk": "25", \
        "adjoint": "1", "date": "2026-01-02"},
        "versions": {"ours": "1"},
        "ceilings": [
        {"probe": "fma_f32", "variant": "v3", "level": "registers", "threads": 1, "rate": 1.0E11},
        {"probe": "triad", "variant": "v3", "level": "L2", "threads": 1, "rate": 1.0E10}],
        "rows": [
        {"suite": "gemm", "case": "f32-128x128x128-nn", "backend": "ours", "threads": 1, \
        "seconds": 1.0E-4, "spread": 0.075, "rate": 41.943, "unit": "GFLOP/s", \
        "fraction": 0.41943, "limit": "fma_f32", "ratios": {"peer": 2.0}, "note": ""},
        {"suite": "gemm", "case": "f32-128x128x128-nn", "backend": "peer", "threads": 1, \
        "seconds": 2.0E-4, "spread": 0.0, "rate": 20.9715, "unit": "GFLOP/s", \
        "fraction": 0.209715, "limit": "fma_f32", "ratios": {}, "note": ""},
        {"suite": "gemm", "case": "f32-8x8x8-nn", "backend": "peer", "threads": 1, \
        "seconds": null, "spread": null, "rate": null, "unit": "", \
        "fraction": null, "limit": "", "ratios": {}, "note": "it died"}],
        "parity": [
        {"case": "f32-128x128x128-nn", "backend": "ours", "peer": "peer", "difference": 1.0E-6, \
        "scale": 4.0}]}
        """,
        results().json());
  }

  @Test
  void markdown() {
    String text = new MarkdownReport(results()).text();
    assertTrue(
        text.contains(
            "| f32-128x128x128-nn | ours | 100 µs | 7 % | 41.9 GFLOP/s | 42 % of fma_f32"
                + " | 2.00× (200 µs) |  |"),
        text);
    assertTrue(text.contains("failed: it died"), text);
    assertTrue(text.contains("2.00× (n = 1)"), text);
  }

  @Test
  void aGpuIsHeldAgainstItsOwnCeilings() {
    Limits limits = results().limits();
    limits.add(new Limit("copy", "cuda:0", "GPU", PeerProvider.ON_GPU, 4e12));
    limits.add(new Limit("gemm_bf16", "cuda:0", "GPU", PeerProvider.ON_GPU, 8e14));
    OpCase copied = new OpCase("relu", false, 1_000_000); // 8 MB
    Limits.Bound moving = limits.bound(copied, PeerProvider.ON_GPU).orElseThrow();
    assertEquals(2e-6, moving.seconds(), 1e-12);
    assertEquals("copy GPU", moving.by());
    GemmCase product = new GemmCase("bf16", 1000, 1000, 1000);
    Limits.Bound computing = limits.bound(product, PeerProvider.ON_GPU).orElseThrow();
    assertEquals(2.5e-6, computing.seconds(), 1e-12);
    assertEquals("gemm_bf16", computing.by());
    Subject ours = new Subject("ops", copied.id(), "cuda:0", true, PeerProvider.ON_GPU);
    Row row = limits.judge(Row.time(ours, new double[] {4e-6}));
    assertEquals("50 % of copy GPU", row.share());
    Results all = new Results(results().machine());
    all.add(row);
    assertTrue(new MarkdownReport(all).text().contains("## Operations, GPU"));
  }

  @Test
  void aSizeIsHeldAgainstProbesOfItsSize() {
    Limits limits = results().limits();
    for (String level : List.of("L2", "L3", "2×L3", "4×L3", "DRAM")) {
      limits.add(new Limit("read", "v3", level, 1, 1e10));
    }
    Map<Long, String> levels = // bytes; L2 is 0.5 MiB, L3 is 32
        Map.of(
            1L << 19, "L2",
            1L << 25, "L3",
            1L << 26, "2×L3",
            1L << 27, "4×L3",
            1L << 28, "DRAM");
    levels.forEach(
        (bytes, level) -> {
          Case sum = new OpCase("sum", false, bytes / Float.BYTES - 1); // and one result
          assertEquals("read " + level, limits.bound(sum, 1).orElseThrow().by());
        });
  }

  @Test
  void page() {
    String text = new HtmlReport(results()).text();
    assertTrue(text.contains("A &quot;CPU&quot; &lt;1&gt;"), text);
    assertTrue(text.contains("<svg"), text);
    assertFalse(text.contains("NaN"), text);
    assertFalse(text.contains("http://") || text.contains("https://"), "needs nothing else");
  }

  @Test
  void amounts() {
    assertEquals("12.3 ns", Format.seconds(12.34e-9));
    assertEquals("1,234 ms", Format.amount(1234.4, "ms"));
    assertEquals("1.00×", Format.times(0.9999));
    assertEquals("0.050", Format.digits(0.05));
    assertEquals("0", Format.digits(0));
    assertEquals("", Format.percent(Double.NaN));
    assertEquals("1.50 GiB", Format.bytes(3L << 29));
  }
}
