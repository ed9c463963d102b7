package dev.adjoint.benchmarks;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where it was measured.
 *
 * @param cpu the processor's name
 * @param processors how many this process may use
 * @param level2 bytes of one processor's second-level cache
 * @param level3 bytes of the third-level cache
 * @param memory bytes
 * @param system the operating system
 * @param hugePages the setting of transparent huge pages
 * @param jdk the Java runtime
 * @param adjoint our version
 * @param date of the run
 */
record Machine(
    String cpu,
    int processors,
    long level2,
    long level3,
    long memory,
    String system,
    String hugePages,
    String jdk,
    String adjoint,
    LocalDate date) {
  private static final Path CACHES = Path.of("/sys/devices/system/cpu/cpu0/cache");
  private static final Pattern SELECTED = Pattern.compile("\\[(\\w+)\\]");

  static Machine here() {
    return new Machine(
        field("/proc/cpuinfo", "model name", System.getProperty("os.arch", "")),
        Runtime.getRuntime().availableProcessors(),
        cache(2, 512 << 10),
        cache(3, 16 << 20),
        Long.parseLong(field("/proc/meminfo", "MemTotal", "0 kB").replaceAll("\\D", "")) << 10,
        System.getProperty("os.name") + " " + System.getProperty("os.version"),
        hugePagesSetting(),
        System.getProperty("java.vm.vendor") + " " + Runtime.version(),
        adjointVersion(),
        LocalDate.now(ZoneId.systemDefault()));
  }

  /** What all processors together have been busy for since the system started, in ticks. */
  static long busyTicks() {
    String[] fields = read(Path.of("/proc/stat")).lines().findFirst().orElse("").split(" +", -1);
    long busy = 0;
    for (int i = 1; i < fields.length && i <= 8; i++) {
      boolean idle = i == 4 || i == 5; // idle, and waiting for a disk
      busy += idle ? 0 : Long.parseLong(fields[i]);
    }
    return busy;
  }

  private static String read(Path file) {
    try {
      return Files.readString(file).strip();
    } catch (IOException e) {
      return ""; // not this kernel's
    }
  }

  private static String field(String file, String name, String otherwise) {
    return read(Path.of(file))
        .lines()
        .filter(line -> line.startsWith(name))
        .findFirst()
        .map(line -> line.substring(line.indexOf(':') + 1).strip())
        .orElse(otherwise);
  }

  private static long cache(int level, long otherwise) {
    for (int i = 0; i < 8; i++) {
      Path index = CACHES.resolve("index" + i);
      if (read(index.resolve("level")).equals(String.valueOf(level))) {
        return Long.parseLong(read(index.resolve("size")).replaceAll("\\D", "")) << 10;
      }
    }
    return otherwise;
  }

  private static String hugePagesSetting() {
    Matcher selected =
        SELECTED.matcher(read(Path.of("/sys/kernel/mm/transparent_hugepage/enabled")));
    return selected.find() ? selected.group(1) : "unknown";
  }

  static String adjointVersion() {
    String file = "/META-INF/maven/dev.adjoint/adjoint-api/pom.properties";
    try (InputStream in = Machine.class.getResourceAsStream(file)) {
      Properties properties = new Properties();
      if (in != null) {
        properties.load(in);
      }
      return properties.getProperty("version", "(not from a jar)");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The processor and the day. */
  String title() {
    return cpu
        + ", "
        + (processors == 1 ? "1 processor" : processors + " processors")
        + ", "
        + date;
  }

  /** Everything else. */
  String details() {
    return "L2 %s, L3 %s, memory %s, huge pages: %s, %s, JDK %s, Adjoint %s"
        .formatted(
            Format.bytes(level2),
            Format.bytes(level3),
            Format.bytes(memory),
            hugePages,
            system,
            jdk,
            adjoint);
  }

  Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("cpu", cpu);
    map.put("processors", processors);
    map.put("level2", level2);
    map.put("level3", level3);
    map.put("memory", memory);
    map.put("system", system);
    map.put("hugePages", hugePages);
    map.put("jdk", jdk);
    map.put("adjoint", adjoint);
    map.put("date", date.toString());
    return map;
  }
}
