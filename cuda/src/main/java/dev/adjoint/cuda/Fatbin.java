package dev.adjoint.cuda;

import dev.adjoint.TensorException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * What a fatbin contains, read from its bytes without a driver: machine code (cubins, which are ELF
 * files) and PTX, the portable assembly that a driver compiles by itself.
 *
 * <p>The container is little-endian: a header of magic number, version, header size and payload
 * size; then each image, a header and a payload, which may be compressed. The headers tell all.
 */
record Fatbin(List<Image> images) {
  private static final int MAGIC = 0xBA55ED50;
  private static final int HEADER_SIZE = 6;
  private static final int PAYLOAD_SIZE = 8;

  private static final int IMAGE_HEADER_SIZE = 4;
  private static final int IMAGE_SIZE = 8;
  private static final int IMAGE_MINOR = 24;
  private static final int IMAGE_MAJOR = 26;
  private static final int IMAGE_ARCHITECTURE = 28;
  private static final int PTX = 1;
  private static final int CUBIN = 2;

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
   * Reads a fatbin.
   *
   * @throws TensorException if it is not one
   */
  static Fatbin parse(byte[] bytes) {
    ByteBuffer file = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    if (bytes.length < PAYLOAD_SIZE + Long.BYTES || file.getInt(0) != MAGIC) {
      throw new TensorException("fatbin: not a fatbin, it does not begin with its magic number");
    }
    long at = file.getShort(HEADER_SIZE);
    long end = at + file.getLong(PAYLOAD_SIZE);
    if (end > bytes.length) {
      throw new TensorException(
          "fatbin: cut short, " + bytes.length + " bytes of " + end + " are there");
    }
    List<Image> images = new ArrayList<>();
    while (at < end) {
      int header = Math.toIntExact(at);
      images.add(image(file, header));
      at += file.getInt(header + IMAGE_HEADER_SIZE) + file.getLong(header + IMAGE_SIZE);
    }
    return new Fatbin(images);
  }

  private static Image image(ByteBuffer file, int at) {
    int architecture = file.getInt(at + IMAGE_ARCHITECTURE);
    int kind = file.getShort(at);
    return switch (kind) {
      case CUBIN -> new Cubin(architecture);
      case PTX ->
          new Ptx(
              architecture,
              file.getShort(at + IMAGE_MAJOR) + "." + file.getShort(at + IMAGE_MINOR));
      default -> throw new TensorException("fatbin: an image of unknown kind " + kind);
    };
  }

  @Override
  public String toString() {
    return images.stream().map(Image::toString).collect(Collectors.joining(", "));
  }
}
