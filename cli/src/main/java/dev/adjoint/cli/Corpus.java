package dev.adjoint.cli;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import org.jspecify.annotations.Nullable;

/**
 * What a model learns from: a text to train on and one to be judged by. Of ten or more files every
 * tenth is for judging; of fewer, the last tenth of the whole text.
 *
 * @param source where it came from, for people
 * @param training nine tenths of it
 * @param validation the rest
 * @param opening what a text of this kind may begin with
 */
record Corpus(String source, String training, String validation, String opening) {
  private static final String JDK_FOLDER = "java.base/java/util/";
  private static final long MOST_BYTES = 256L << 20;

  /**
   * What a byte of text takes of Java's heap at most, while it becomes tokens: two bytes of a
   * string, eight of a token as it is encoded and four as it is kept. Of the heap no more than two
   * thirds may be in one piece.
   */
  private static final int HEAP_PER_BYTE = 24;

  private static final int DECODED_AT_ONCE = 1 << 16;
  private static final char BYTE_ORDER_MARK = '\uFEFF';
  private static final int DEEPEST_INDENT = 12;
  private static final int FILES_PER_VALIDATION_FILE = 10;

  /** Literals, which may look like comments inside, and comments. */
  private static final Pattern LITERAL_OR_COMMENT =
      Pattern.compile(
          """
          (?x)
          \"""[\\s\\S]*?\"""                            # text block
          | "[^"\\\\\\n]*+(?:\\\\.[^"\\\\\\n]*+)*+"    # string
          | '[^'\\\\\\n]*+(?:\\\\.[^'\\\\\\n]*+)*+'    # character
          | (?<comment> //[^\\n]* | /\\*[\\s\\S]*?\\*/ )
          """);

  /**
   * The source of {@code java.util} and the packages below it, from the running JDK: about 4 MB in
   * one style. Comments are left out, because the model is to learn code and not prose; so are
   * characters outside printable ASCII. Indentation is halved and bounded, because a window of 64
   * characters should not be spent on blanks.
   */
  static Corpus ofJdk() throws IOException {
    Path archive = Path.of(System.getProperty("java.home"), "lib", "src.zip");
    if (!Files.isReadable(archive)) {
      throw new CommandException(
          "there is no source of the JDK in "
              + archive
              + ": install it (Debian, Ubuntu: apt-get install openjdk-25-source), or name a text"
              + " with --data");
    }
    List<String> texts = new ArrayList<>();
    for (String text : readArchive(archive, JDK_FOLDER, ".java")) {
      texts.add(shallow(printableAscii(withoutComments(text))));
    }
    return split(
        "JDK " + Runtime.version() + ", " + JDK_FOLDER + "**", archive, texts, "public class ");
  }

  /** A text file, all text files in a folder and below, or those in an archive; UTF-8. */
  static Corpus of(Path data) throws IOException {
    String name = data.toString().toLowerCase(Locale.ROOT);
    List<String> texts;
    if (Files.isDirectory(data)) {
      texts = readFolder(data);
    } else if (name.endsWith(".zip") || name.endsWith(".jar")) {
      texts = readArchive(data, "", "");
    } else {
      checkSize(data, Files.size(data));
      String text = decode(Files.readAllBytes(data));
      if (text == null) {
        throw new CommandException(data + ": is not a text in UTF-8");
      }
      texts = List.of(text);
    }
    return split(data.toString(), data, texts, texts.isEmpty() ? "" : firstLine(texts.getFirst()));
  }

  private static List<String> readFolder(Path folder) throws IOException {
    List<Path> files;
    try (Stream<Path> all = Files.walk(folder)) {
      files = all.filter(Files::isRegularFile).sorted().toList();
    }
    List<String> texts = new ArrayList<>();
    long bytes = 0;
    for (Path file : files) {
      bytes += Files.size(file);
      checkSize(folder, bytes);
      addText(texts, Files.readAllBytes(file));
    }
    return texts;
  }

  private static List<String> readArchive(Path archive, String prefix, String suffix)
      throws IOException {
    try (ZipFile zip = new ZipFile(archive.toFile())) {
      List<? extends ZipEntry> entries =
          zip.stream()
              .filter(e -> !e.isDirectory())
              .filter(e -> e.getName().startsWith(prefix) && e.getName().endsWith(suffix))
              .sorted((a, b) -> a.getName().compareTo(b.getName()))
              .toList();
      List<String> texts = new ArrayList<>();
      long bytes = 0;
      for (ZipEntry entry : entries) {
        try (InputStream in = zip.getInputStream(entry)) {
          // The archive's own word on sizes is not to be trusted.
          byte[] content = in.readNBytes((int) (mostBytes() + 1 - bytes));
          bytes += content.length;
          checkSize(archive, bytes);
          addText(texts, content);
        }
      }
      return texts;
    } catch (ZipException e) {
      throw new CommandException(archive + ": is not a readable zip archive: " + e.getMessage(), e);
    }
  }

  private static long mostBytes() {
    return Math.min(MOST_BYTES, Runtime.getRuntime().maxMemory() / HEAP_PER_BYTE);
  }

  private static void checkSize(Path data, long bytes) {
    long most = mostBytes();
    if (bytes <= most) {
      return;
    }
    throw new CommandException(
        most == MOST_BYTES
            ? data + ": is larger than " + (most >> 20) + " MB, the most that is read"
            : String.format(
                Locale.ROOT,
                "%s: is larger than %d MB, the most that Java's heap of %d MB has room for; with"
                    + " ADJOINT_JAVA_OPTS=-Xmx%dg up to %d MB can be read",
                data,
                most >> 20,
                Runtime.getRuntime().maxMemory() >> 20,
                ((MOST_BYTES * HEAP_PER_BYTE) >> 30) + 1,
                MOST_BYTES >> 20));
  }

  /** Passes over binary files. */
  private static void addText(List<String> texts, byte[] content) {
    String text = decode(content);
    if (text != null) {
      texts.add(text);
    }
  }

  /** The text without carriage returns and other control characters, or null if it is none. */
  private static @Nullable String decode(byte[] content) {
    CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
    ByteBuffer bytes = ByteBuffer.wrap(content);
    CharBuffer characters = CharBuffer.allocate(DECODED_AT_ONCE);
    StringBuilder text = new StringBuilder(content.length);
    CoderResult result;
    do {
      result = decoder.decode(bytes, characters.clear(), true);
      characters.flip();
      while (characters.hasRemaining()) {
        char c = characters.get();
        if (c == '\0') {
          return null;
        }
        if (c == '\n' || c == '\t' || !(Character.isISOControl(c) || c == BYTE_ORDER_MARK)) {
          text.append(c);
        }
      }
    } while (result.isOverflow());
    return result.isError() ? null : text.toString();
  }

  /** Java source without comments and without the holes that they leave. */
  static String withoutComments(String java) {
    String code =
        LITERAL_OR_COMMENT.matcher(java).replaceAll(m -> m.group("comment") == null ? "$0" : "");
    String lines = code.lines().map(String::stripTrailing).collect(Collectors.joining("\n"));
    return lines.replaceAll("\\n{3,}", "\n\n").strip() + "\n";
  }

  private static String printableAscii(String text) {
    return text.replace("\t", "    ").replaceAll("[^\\n\\x20-\\x7E]", "");
  }

  /** Two columns for each level of four, and at most {@link #DEEPEST_INDENT}. */
  static String shallow(String text) {
    return text.lines()
        .map(
            line -> {
              String code = line.stripLeading();
              int indent = Math.min((line.length() - code.length()) / 2, DEEPEST_INDENT);
              return " ".repeat(indent) + code + "\n";
            })
        .collect(Collectors.joining());
  }

  /** Of the first line with anything on it, at most the first forty characters. */
  private static String firstLine(String text) {
    return text.lines()
        .filter(line -> !line.isBlank())
        .findFirst()
        .map(
            line ->
                line.codePoints()
                    .limit(40)
                    .collect(
                        StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                    .toString())
        .orElse(text);
  }

  private static Corpus split(String source, Path data, List<String> texts, String opening) {
    if (texts.stream().allMatch(String::isEmpty)) {
      throw new CommandException(data + ": there is no text in it");
    }
    if (texts.size() >= FILES_PER_VALIDATION_FILE) {
      StringBuilder training = new StringBuilder();
      StringBuilder validation = new StringBuilder();
      for (int i = 0; i < texts.size(); i++) {
        boolean judging = (i + 1) % FILES_PER_VALIDATION_FILE == 0;
        (judging ? validation : training).append(texts.get(i));
      }
      return new Corpus(source, training.toString(), validation.toString(), opening);
    }
    String all = texts.size() == 1 ? texts.getFirst() : String.join("", texts);
    int cut = (int) (all.length() * 9L / 10);
    if (cut > 0 && Character.isSurrogatePair(all.charAt(cut - 1), all.charAt(cut))) {
      cut++; // not between the two
    }
    return new Corpus(source, all.substring(0, cut), all.substring(cut), opening);
  }

  /** Refuses a text that has not one whole window in each of its parts. */
  void requireWindows(int context) {
    int window = context + 1;
    int learned = training.codePointCount(0, training.length());
    int judged = validation.codePointCount(0, validation.length());
    if (Math.min(learned, judged) < window) {
      throw new CommandException(
          String.format(
              Locale.ROOT,
              "%s: too little text: a context of %d needs %d characters in the training part and"
                  + " in the validation part, which have %d and %d",
              source,
              context,
              window,
              learned,
              judged));
    }
  }

  /** SHA-256 of both parts: equal corpora, and only these, have equal ones. */
  String hash() {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      for (String part : List.of(training, validation)) {
        byte[] bytes = part.getBytes(StandardCharsets.UTF_8);
        digest.update(ByteBuffer.allocate(Long.BYTES).putLong(0, bytes.length));
        digest.update(bytes);
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java runtime has SHA-256", e);
    }
  }
}
