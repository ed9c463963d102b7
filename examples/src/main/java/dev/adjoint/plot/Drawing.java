package dev.adjoint.plot;

import java.awt.Font;
import java.awt.image.BufferedImage;
import org.jspecify.annotations.Nullable;

/** Whether pictures can be drawn. */
public final class Drawing {
  private Drawing() {}

  /**
   * Why nothing can be drawn, or null if it can. Asked before any class is touched that draws,
   * because a trimmed runtime may lack java.desktop and XChart, and a server every font.
   */
  public static @Nullable String whyNot() {
    if (ModuleLayer.boot().findModule("java.desktop").isEmpty()) {
      return "this Java runtime has no module java.desktop";
    }
    System.setProperty("java.awt.headless", "true");
    return Fonts.missing();
  }

  /** Apart, so that asking for the module needs no class of java.desktop. */
  private static final class Fonts {
    static @Nullable String missing() {
      try {
        var image = new BufferedImage(1, 1, BufferedImage.TYPE_INT_RGB);
        image.createGraphics().getFontMetrics(new Font(Font.SANS_SERIF, Font.PLAIN, 12));
        return null;
      } catch (RuntimeException | LinkageError e) {
        return "no fonts can be used (install fontconfig and a font): " + e;
      }
    }
  }
}
