package dev.adjoint.io;

import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;
import java.util.zip.CRC32C;

/**
 * A file read once from beginning to end. It is read and not mapped, because a mapped file that
 * someone cuts short meanwhile ends in an error of the JVM, at the access or later.
 */
final class CheckedFile implements AutoCloseable {
  /** What fits into a core's cache, where the checksum finds it again. */
  private static final int PIECE_BYTES = 1 << 20;

  private final FileChannel channel;
  private final long size;
  private final CRC32C checksum = new CRC32C();
  private long position;

  private CheckedFile(FileChannel channel, long size) {
    this.channel = channel;
    this.size = size;
  }

  static CheckedFile open(Path file) throws IOException {
    FileChannel channel = DurableFiles.open(file);
    try {
      return new CheckedFile(channel, channel.size());
    } catch (IOException e) {
      try (channel) {
        throw e;
      }
    }
  }

  /** What it was when the file was opened. */
  long size() {
    return size;
  }

  /** Fills memory with the bytes that come next. */
  void read(MemorySegment target) throws IOException {
    for (long at = 0; at < target.byteSize(); at += PIECE_BYTES) {
      long bytes = Math.min(PIECE_BYTES, target.byteSize() - at);
      ByteBuffer piece = target.asSlice(at, bytes).asByteBuffer();
      while (piece.hasRemaining()) {
        if (channel.read(piece) < 0) {
          throw new EOFException(
              "it was cut short while it was read: "
                  + (position + piece.position())
                  + " of its "
                  + size
                  + " bytes are there");
        }
      }
      checksum.update(piece.flip());
      position += bytes;
    }
  }

  /** Of what was read so far. */
  Checksum checksum() {
    return new Checksum(position, checksum.getValue());
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }

  /**
   * What tells whether bytes are still the same.
   *
   * @param bytes how many there are
   * @param crc32c their CRC-32C
   */
  record Checksum(long bytes, long crc32c) {
    static Checksum of(ByteBuffer bytes) {
      CRC32C checksum = new CRC32C();
      checksum.update(bytes.duplicate());
      return new Checksum(bytes.remaining(), checksum.getValue());
    }
  }

  /** Passes bytes on and remembers their checksum. */
  static final class Writer implements WritableByteChannel {
    private final WritableByteChannel target;
    private final CRC32C checksum = new CRC32C();
    private long bytes;

    Writer(WritableByteChannel target) {
      this.target = target;
    }

    @Override
    public int write(ByteBuffer source) throws IOException {
      ByteBuffer written = source.duplicate();
      int count = target.write(source);
      checksum.update(written.limit(source.position()));
      bytes += count;
      return count;
    }

    Checksum checksum() {
      return new Checksum(bytes, checksum.getValue());
    }

    @Override
    public boolean isOpen() {
      return target.isOpen();
    }

    @Override
    public void close() throws IOException {
      target.close();
    }
  }
}
