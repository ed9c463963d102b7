package dev.adjoint.cuda;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import dev.adjoint.TensorException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * What a fatbin contains, read from its bytes without a driver: machine code (cubins, which are ELF
 * files) and PTX, the portable assembly that a driver compiles by itself.
 *
 * <p>The container is little-endian: a header of magic number, version, header size and payload
 * size; then for each image a header that begins with kind, version, header size and payload size.
 */
record Fatbin(List<Image> images) {
  private static final int MAGIC = 0xBA55ED50;
  private static final int IMAGE_SIZE = 8;
  private static final int IMAGE_ARCHITECTURE = 28;
  private static final int IMAGE_FLAGS = 40;
  private static final int PTX = 1;
  private static final int CUBIN = 2;
  private static final long COMPRESSED = 0x2000 | 0x8000;

  private static final Pattern PTX_HEADER =
      Pattern.compile("^\\.version (\\d+\\.\\d+)\\s+\\.target sm_(\\d+)", Pattern.MULTILINE);

  Fatbin {
    images = List.copyOf(images);
  }

  /** One of the things that a driver chooses from. */
  sealed interface Image {
    /** Ten times the compute capability, such as 90. */
    int architecture();
  }

  /** Code that runs as it is on this architecture, and on later ones of the same major number. */
  record Cubin(int architecture) implements Image {
    @Override
    public String toString() {
      return "sm_" + architecture;
    }
  }

  /**
   * Assembly for this architecture and any later one.
   *
   * @param version of the PTX language, such as "8.0", which the driver must know
   */
  record Ptx(int architecture, String version) implements Image {
    @Override
    public String toString() {
      return "PTX " + version + " for sm_" + architecture;
    }
  }

  /**
   * Reads a fatbin whose images are not compressed.
   *
   * @throws TensorException if it is not one
   */
  static Fatbin parse(byte[] bytes) {
    ByteBuffer file = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    if (bytes.length < 16 || file.getInt(0) != MAGIC) {
      throw new TensorException("fatbin: not a fatbin, it does not begin with its magic number");
    }
    int at = file.getShort(6);
    long end = at + file.getLong(8);
    if (end > bytes.length) {
      throw new TensorException(
          "fatbin: cut short, " + bytes.length + " bytes of " + end + " are there");
    }
    List<Image> images = new ArrayList<>();
    while (at < end) {
      int payload = at + file.getInt(at + 4);
      int size = Math.toIntExact(file.getLong(at + IMAGE_SIZE));
      images.add(image(file, at, payload, size));
      at = payload + size;
    }
    return new Fatbin(images);
  }

  private static Image image(ByteBuffer file, int at, int payload, int size) {
    if ((file.getLong(at + IMAGE_FLAGS) & COMPRESSED) != 0) {
      throw new TensorException("fatbin: its images are compressed");
    }
    int kind = file.getShort(at);
    return switch (kind) {
      case CUBIN -> new Cubin(file.getInt(at + IMAGE_ARCHITECTURE));
      case PTX -> ptx(new String(file.array(), payload, size, ISO_8859_1));
      default -> throw new TensorException("fatbin: an image of unknown kind " + kind);
    };
  }

  private static Ptx ptx(String text) {
    Matcher header = PTX_HEADER.matcher(text);
    if (!header.find()) {
      throw new TensorException("fatbin: PTX without version and target");
    }
    return new Ptx(Integer.parseInt(header.group(2)), header.group(1));
  }

  @Override
  public String toString() {
    return images.stream().map(Image::toString).collect(Collectors.joining(", "));
  }
}
