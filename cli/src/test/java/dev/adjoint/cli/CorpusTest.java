package dev.adjoint.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CorpusTest {
  @TempDir private Path folder = Path.of("");

  @Test
  void readsTheJdk() throws IOException {
    assumeTrue(Files.exists(Path.of(System.getProperty("java.home"), "lib", "src.zip")));
    Corpus corpus = Corpus.ofJdk();
    assertTrue(corpus.training().contains("class HashMap<K,V>"));
    assertTrue(corpus.training().length() > 5L * corpus.validation().length());
    assertTrue(corpus.validation().length() > 300_000);
    assertTrue((corpus.training() + corpus.validation()).matches("[\\n\\x20-\\x7E]*+"));
  }

  @Test
  void leavesOutCommentsButNotWhatLooksLikeThem() {
    String java =
        """
        /* licence */
        package p;

        /** Doc. */
        // line
        class A { // end
          String s = "// no \\" /* no */";
          char c = '"', d = '\\''; /* yes " */ int i;
          String t = \"""
              // "text" \"""; // yes
        }
        """;
    assertEquals(
        """
        package p;

        class A {
          String s = "// no \\" /* no */";
          char c = '"', d = '\\'';  int i;
          String t = \"""
              // "text" \""";
        }
        """,
        Corpus.withoutComments(java));
  }

  @Test
  void indentationIsHalvedAndBounded() {
    assertEquals(
        "class A {\n  int a;\n\n" + " ".repeat(12) + "deep();\n",
        Corpus.shallow("class A {\n    int a;\n\n" + " ".repeat(60) + "deep();\n"));
  }

  @Test
  void splitsOneTextByPosition() throws IOException {
    Path file = Files.writeString(folder.resolve("a.txt"), "0123456789".repeat(10) + "\r\n");
    Corpus corpus = Corpus.of(file);
    assertEquals(90, corpus.training().length());
    assertEquals("0123456789\n", corpus.validation());
    assertEquals("0123456789".repeat(4), corpus.opening());
  }

  @Test
  void splitsManyFilesByName() throws IOException {
    for (int i = 0; i < 20; i++) {
      Files.writeString(folder.resolve((char) ('a' + i) + ".txt"), (char) ('a' + i) + "\n");
    }
    Files.write(folder.resolve("binary"), new byte[] {0, 1, 2});
    Corpus corpus = Corpus.of(folder);
    assertEquals("j\nt\n", corpus.validation());
    assertEquals(36, corpus.training().length());
  }

  @Test
  void readsArchivesLikeFolders() throws IOException {
    Path inside = Files.createDirectory(folder.resolve("in"));
    Path archive = folder.resolve("a.zip");
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(archive))) {
      for (String name : new String[] {"b", "a"}) {
        byte[] text = ("text of " + name + "\n").getBytes(StandardCharsets.UTF_8);
        Files.write(inside.resolve(name), text);
        zip.putNextEntry(new ZipEntry(name));
        zip.write(text);
      }
    }
    assertEquals(Corpus.of(inside).training(), Corpus.of(archive).training());
    assertEquals(Corpus.of(inside).hash(), Corpus.of(archive).hash());
  }

  @Test
  void hashDependsOnTheSplit() {
    assertNotEquals(new Corpus("", "ab", "c", "").hash(), new Corpus("", "a", "bc", "").hash());
  }

  @Test
  void refusesWhatIsNoText() throws IOException {
    Path missing = folder.resolve("missing");
    assertThrows(NoSuchFileException.class, () -> Corpus.of(missing));
    Path binary = Files.write(folder.resolve("binary"), new byte[] {(byte) 0xFF, 0});
    assertRefused("not a text in UTF-8", () -> Corpus.of(binary));
    Path empty = Files.writeString(folder.resolve("empty.txt"), "");
    assertRefused("no text in it", () -> Corpus.of(empty));
    Path archive = Files.writeString(folder.resolve("broken.zip"), "PK");
    assertRefused("not a readable zip archive", () -> Corpus.of(archive));
    Path none = Files.createDirectory(folder.resolve("none"));
    assertRefused("no text in it", () -> Corpus.of(none));
  }

  @Test
  void leavesOutControlCharactersAndSplitsNoPair() throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("a.txt"), "\uFEFFa\r\n\tb\u0085" + "\uD835\uDEFC".repeat(3));
    Corpus corpus = Corpus.of(file);
    assertEquals(
        "a\n\tb\uD835\uDEFC\uD835\uDEFC\uD835\uDEFC", corpus.training() + corpus.validation());
    assertEquals("", corpus.validation());
    // Longer than what is decoded at once.
    String most = "\uD835\uDEFCx".repeat(100_000);
    Corpus large = Corpus.of(Files.writeString(file, most));
    assertEquals(most, large.training() + large.validation());
  }

  @Test
  void refusesTooMuchTextWithoutReadingIt() throws IOException {
    Path file = folder.resolve("large.txt");
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.allocate(1), 1L << 40); // a hole, but for its end
    }
    assertRefused(" MB, the most that ", () -> Corpus.of(file));
  }

  @Test
  void refusesTooLittleText() {
    Corpus corpus = new Corpus("a.txt", "x".repeat(65), "y".repeat(64), "");
    corpus.requireWindows(63);
    assertRefused("which have 65 and 64", () -> corpus.requireWindows(64));
  }

  private interface Action {
    void run() throws IOException;
  }

  private static void assertRefused(String message, Action action) {
    CommandException e = assertThrows(CommandException.class, action::run);
    String found = String.valueOf(e.getMessage());
    assertTrue(found.contains(message), found);
  }
}
