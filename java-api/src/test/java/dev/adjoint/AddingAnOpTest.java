package dev.adjoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The walk in docs/adding-an-op.md leads through files that exist and do name its example. */
final class AddingAnOpTest {
  private static final Path ROOT = Path.of("..");

  @Test
  void everyPlaceOfTheWalkNamesTheExample() throws IOException {
    String walk = Files.readString(ROOT.resolve("docs/adding-an-op.md"));
    List<String> files =
        Pattern.compile("`([\\w./-]+\\.(?:java|def))`")
            .matcher(walk)
            .results()
            .map((MatchResult m) -> m.group(1))
            .toList();
    assertEquals(5, files.size(), files::toString);
    for (String file : files) {
      String content = Files.readString(ROOT.resolve(file)).toLowerCase(Locale.ROOT);
      assertTrue(content.contains("silu"), file);
    }
  }
}
