package dev.adjoint.io;

import dev.adjoint.Device;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The states of a training run in a folder, each complete or absent whenever the process or the
 * machine stops. A state is written to {@code step-000200.tmp}, reaches the disk, is renamed to
 * {@code step-000200}, and only then named by the file {@code LATEST}. The last two are kept.
 */
public final class Checkpoints {
  private static final String OP = "checkpoints";
  private static final String LATEST = "LATEST";
  private static final String MODEL = "model.safetensors";
  private static final String OPTIMIZER = "optimizer.safetensors";
  private static final String TRAIN = "train.json";
  private static final String UNFINISHED = ".tmp";
  private static final Pattern COMPLETE = Pattern.compile("step-(\\d{6,18})");

  private final Path folder;

  /** In a folder, which the first {@link #save} creates. */
  public Checkpoints(Path folder) {
    this.folder = folder;
  }

  /**
   * A state.
   *
   * @param step how many steps led to it
   * @param model a module's state
   * @param optimizer an optimizer's
   * @param train everything else, as JSON values: strings, booleans, long or finite double numbers,
   *     lists and maps of these
   */
  public record Checkpoint(
      long step,
      Map<String, Tensor> model,
      Map<String, Tensor> optimizer,
      Map<String, @Nullable Object> train) {}

  /**
   * Saves a state; afterwards it is the latest one. Of the others only that of the step before it
   * is kept; leftovers of interrupted saves are removed.
   *
   * @return its folder
   * @throws TensorException with the reason if it cannot be written, such as a full disk; the
   *     states saved before are unharmed then
   */
  public Path save(Checkpoint checkpoint) {
    String name = String.format(Locale.ROOT, "step-%06d", checkpoint.step());
    Path target = folder.resolve(name);
    Path unfinished = folder.resolve(name + UNFINISHED);
    try {
      Files.createDirectories(folder);
      removeUnfinished();
      Files.createDirectory(unfinished);
      Safetensors.write(unfinished.resolve(MODEL), checkpoint.model(), Map.of());
      Safetensors.write(unfinished.resolve(OPTIMIZER), checkpoint.optimizer(), Map.of());
      writeText(unfinished.resolve(TRAIN), Json.write(checkpoint.train()) + "\n");
      if (Files.exists(target)) {
        DurableFiles.rename(target, folder.resolve(name + ".replaced" + UNFINISHED));
      }
      DurableFiles.rename(unfinished, target);
      writeText(folder.resolve(LATEST), name + "\n");
      removeUnfinished();
      removeAllBut(checkpoint.step());
      return target;
    } catch (IOException e) {
      throw abandoned(DurableFiles.failed(OP, "save to", folder, e));
    } catch (TensorException e) {
      throw abandoned(e);
    }
  }

  /** Frees the space of what was begun, since a full disk may be the very reason. */
  private TensorException abandoned(TensorException failure) {
    try {
      removeUnfinished();
    } catch (IOException e) {
      failure.addSuppressed(e);
    }
    return failure;
  }

  private static void writeText(Path file, String text) {
    ByteBuffer bytes = StandardCharsets.UTF_8.encode(text);
    DurableFiles.replace(OP, file, channel -> DurableFiles.writeFully(channel, bytes));
  }

  private void removeUnfinished() throws IOException {
    for (Path path : DurableFiles.list(folder)) {
      String name = path.getFileName().toString();
      if (name.startsWith("step-") && name.endsWith(UNFINISHED)) {
        DurableFiles.removeFolder(path);
      }
    }
  }

  private void removeAllBut(long step) throws IOException {
    List<Path> complete = complete();
    Optional<Path> previous =
        complete.stream()
            .filter(path -> step(path) < step)
            .max(Comparator.comparingLong(Checkpoints::step));
    for (Path path : complete) {
      if (step(path) != step && !Optional.of(path).equals(previous)) {
        // Under another name first: a folder that is half gone must not look complete.
        Path unfinished = path.resolveSibling(path.getFileName() + UNFINISHED);
        DurableFiles.rename(path, unfinished);
        DurableFiles.removeFolder(unfinished);
      }
    }
  }

  /**
   * Reads the latest complete state: the one that {@code LATEST} names, or the one of the highest
   * step where that is no help.
   *
   * @param device where its tensors go; they are born in the current scope
   * @return empty if there is none
   * @throws TensorException if it cannot be read or is damaged
   */
  public Optional<Checkpoint> latest(Device device) {
    try {
      Optional<Path> found = named();
      if (found.isEmpty()) {
        found = complete().stream().max(Comparator.comparingLong(Checkpoints::step));
      }
      return found.map(path -> read(path, device));
    } catch (IOException e) {
      throw DurableFiles.failed(OP, "read", folder, e);
    }
  }

  private Optional<Path> named() throws IOException {
    Path latest = folder.resolve(LATEST);
    if (!Files.exists(latest)) {
      return Optional.empty();
    }
    String name = new String(Files.readAllBytes(latest), StandardCharsets.UTF_8).strip();
    return complete().stream().filter(path -> path.getFileName().toString().equals(name)).findAny();
  }

  private List<Path> complete() throws IOException {
    List<Path> complete = new ArrayList<>();
    for (Path path : DurableFiles.list(folder)) {
      if (COMPLETE.matcher(path.getFileName().toString()).matches() && Files.isDirectory(path)) {
        complete.add(path);
      }
    }
    return complete;
  }

  private static long step(Path path) {
    Matcher matcher = COMPLETE.matcher(path.getFileName().toString());
    if (!matcher.matches()) {
      throw new IllegalArgumentException(path.toString());
    }
    return Long.parseLong(matcher.group(1));
  }

  private static Checkpoint read(Path path, Device device) {
    return new Checkpoint(
        step(path),
        Safetensors.read(path.resolve(MODEL), device).tensors(),
        Safetensors.read(path.resolve(OPTIMIZER), device).tensors(),
        readJson(path.resolve(TRAIN)));
  }

  @SuppressWarnings("unchecked") // Json's objects have string keys
  private static Map<String, @Nullable Object> readJson(Path file) {
    try {
      if (Json.parse(Files.readString(file)) instanceof Map<?, ?> object) {
        return (Map<String, @Nullable Object>) object;
      }
      throw new TensorException("no JSON object");
    } catch (IOException e) {
      throw DurableFiles.failed(OP, "read", file, e);
    } catch (TensorException e) {
      throw new TensorException(OP + ": " + file + ": " + e.getMessage(), e);
    }
  }
}
