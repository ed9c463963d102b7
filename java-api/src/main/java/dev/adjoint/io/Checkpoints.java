package dev.adjoint.io;

import dev.adjoint.Device;
import dev.adjoint.OutOfMemoryException;
import dev.adjoint.Scope;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import dev.adjoint.internal.Dropped;
import dev.adjoint.io.CheckedFile.Checksum;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The states of a training run in a folder, each complete or absent whenever the process or the
 * machine stops. A state is written under another name that ends in {@code .tmp}, reaches the disk,
 * is renamed to {@code step-000200}, and only then named by the file {@code LATEST}. The last two
 * are kept.
 *
 * <p>One object at a time writes into a folder, in all processes of a machine: it has {@linkplain
 * #claim claimed} the folder, until it is closed. Reading needs no claim.
 *
 * <p>Only folders that hold nothing but a state are ever removed. A folder of a state that is a
 * link, or in which there is anything else, stays, with a warning to the system's logger {@code
 * dev.adjoint}.
 */
public final class Checkpoints implements AutoCloseable {
  /** The file in a folder that says who has claimed it, if anyone ever has. */
  public static final String LOCK = FolderClaim.FILE;

  private static final String OP = "checkpoints";
  private static final String LATEST = "LATEST";
  private static final String MODEL = "model.safetensors";
  private static final String OPTIMIZER = "optimizer.safetensors";
  private static final String TRAIN = "train.json";
  private static final String CHECKSUMS = "checksums.json";
  private static final Set<String> FILES = Set.of(MODEL, OPTIMIZER, TRAIN, CHECKSUMS);
  private static final String UNFINISHED = ".tmp";
  private static final int STEP_DIGITS = 6;
  private static final long MOST_STEPS = 999_999_999_999_999_999L;
  private static final Pattern COMPLETE = Pattern.compile("step-(\\d{6,18})");

  /** The names of folders on their way to a state or from one, and those of earlier versions. */
  private static final Pattern ON_THE_WAY =
      Pattern.compile("(step-\\d{6,18})(\\.[0-9a-f]{16})?(?<replaced>\\.replaced)?\\.tmp");

  private static final int MOST_TEXT_BYTES = 1 << 28;
  private static final int MOST_ATTEMPTS = 10;
  private static final System.Logger LOGGER = System.getLogger("dev.adjoint");

  /** The claim of an object; apart from it, so that it can be given back when that is dropped. */
  private static final class Holder implements Runnable {
    private @Nullable FolderClaim claim;

    @Override
    public synchronized void run() {
      if (claim != null) {
        claim.release();
        claim = null;
      }
    }

    /** Returns whether there was none. */
    synchronized boolean claim(Path folder) throws IOException {
      if (claim != null && claim.isValid()) {
        return false;
      }
      run();
      Files.createDirectories(folder);
      claim = FolderClaim.of(folder);
      return true;
    }
  }

  private final Path folder;
  private final Holder holder = new Holder();
  private final Dropped.Registration registration = Dropped.register(this, holder);
  private final Set<Path> warned = new HashSet<>();

  /** In a folder, which {@link #claim} or the first {@link #save} creates. */
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
   * Creates the folder, if it is not there, and takes the right to write into it until {@link
   * #close}: a run that is to be the only one does so before it reads the state that it goes on
   * from. A claim ends with its process, however that ends.
   *
   * @throws TensorException with the number of the process, if another object has claimed it; with
   *     the reason, if the folder cannot be made or its file {@code LOCK} not locked
   */
  public void claim() {
    try {
      if (holder.claim(folder)) {
        DurableFiles.removeUnfinished(folder);
        removeUnfinished();
      }
    } catch (IOException e) {
      throw DurableFiles.failed(OP, "write to", folder, e);
    }
  }

  /** Gives up the right to write into the folder, if {@link #claim} or {@link #save} took it. */
  @Override
  public void close() {
    registration.cancel();
    holder.run();
  }

  // ---- saving ----

  /**
   * Saves a state; afterwards it is the latest one. Of the others only that of the step before it
   * is kept; leftovers of interrupted saves are removed. What cannot be removed stays, with a
   * warning. The folder is claimed if it has not been.
   *
   * @return its folder
   * @throws TensorException with the reason if it cannot be written, such as a full disk or a
   *     folder that another object has claimed; the states saved before are unharmed then
   */
  public Path save(Checkpoint checkpoint) {
    String name = name(checkpoint.step());
    String train = Json.write(checkpoint.train()) + "\n";
    claim();
    Path target = folder.resolve(name);
    boolean complete = false;
    try {
      if (exists(target) && !isOurs(target)) {
        throw new TensorException(
            OP
                + ": cannot save to "
                + target
                + ": it is a link, or holds other files than a state's; move it away");
      }
      removeUnfinished();
      Path unfinished = onTheWay(target, "");
      Files.createDirectory(unfinished);
      Map<String, Object> checksums = new LinkedHashMap<>();
      DurableFiles.Content model = Safetensors.content(checkpoint.model(), Map.of());
      DurableFiles.Content optimizer = Safetensors.content(checkpoint.optimizer(), Map.of());
      checksums.put(MODEL, write(unfinished.resolve(MODEL), model));
      checksums.put(OPTIMIZER, write(unfinished.resolve(OPTIMIZER), optimizer));
      checksums.put(TRAIN, write(unfinished.resolve(TRAIN), text(train)));
      DurableFiles.create(unfinished.resolve(CHECKSUMS), text(Json.write(checksums) + "\n"));
      DurableFiles.syncFolder(unfinished);
      put(unfinished, target);
      DurableFiles.replace(OP, folder.resolve(LATEST), text(name + "\n"));
      complete = true;
    } catch (IOException e) {
      throw DurableFiles.failed(OP, "save to", folder, e);
    } finally {
      if (!complete) {
        removeUnfinished(); // a full disk may be the very reason
      }
    }
    removeUnfinished();
    removeAllBut(checkpoint.step());
    return target;
  }

  /** Digits of ASCII, whatever those of the user's language are. */
  private static String name(long step) {
    if (step < 0 || step > MOST_STEPS) {
      throw new TensorException(
          OP + ": a step must be between 0 and " + MOST_STEPS + ", got " + step);
    }
    String digits = Long.toString(step);
    return "step-" + "0".repeat(Math.max(0, STEP_DIGITS - digits.length())) + digits;
  }

  private static Path onTheWay(Path state, String remark) {
    return state.resolveSibling(
        state.getFileName() + "." + DurableFiles.randomDigits() + remark + UNFINISHED);
  }

  private static DurableFiles.Content text(String text) {
    return channel -> DurableFiles.writeFully(channel, StandardCharsets.UTF_8.encode(text));
  }

  private static Map<String, Object> write(Path file, DurableFiles.Content content)
      throws IOException {
    Checksum[] sum = new Checksum[1];
    DurableFiles.create(
        file,
        channel -> {
          CheckedFile.Writer writer = new CheckedFile.Writer(channel);
          content.writeTo(writer);
          sum[0] = writer.checksum();
        });
    return Map.of("bytes", sum[0].bytes(), "crc32c", sum[0].crc32c());
  }

  /** Gives a state its name. One that has it makes way, and comes back if this goes no further. */
  private void put(Path unfinished, Path target) throws IOException {
    if (exists(target)) {
      Files.move(target, onTheWay(target, ".replaced"), StandardCopyOption.ATOMIC_MOVE);
    }
    Files.move(unfinished, target, StandardCopyOption.ATOMIC_MOVE);
    DurableFiles.syncFolder(folder);
  }

  // ---- removing ----

  private void removeUnfinished() {
    try {
      for (Path path : DurableFiles.list(folder)) {
        Matcher name = ON_THE_WAY.matcher(path.getFileName().toString());
        if (name.matches()) {
          Path state = folder.resolve(name.group(1));
          if (name.group("replaced") != null && !exists(state)) {
            DurableFiles.rename(path, state);
          } else {
            remove(path);
          }
        }
      }
    } catch (IOException e) {
      warn(folder, DurableFiles.reason(e));
    }
  }

  private void removeAllBut(long step) {
    try {
      List<Path> complete = complete();
      Optional<Path> previous =
          complete.stream()
              .filter(path -> step(path) < step)
              .max(Comparator.comparingLong(Checkpoints::step));
      for (Path path : complete) {
        if (step(path) != step && !Optional.of(path).equals(previous)) {
          remove(path);
        }
      }
    } catch (IOException e) {
      warn(folder, DurableFiles.reason(e));
    }
  }

  /** Removes the folder of a state if nothing else is in it. */
  private void remove(Path state) {
    try {
      if (!isOurs(state)) {
        warn(state, "it is a link, or holds other files than a state's");
        return;
      }
      Path doomed = state;
      if (COMPLETE.matcher(state.getFileName().toString()).matches()) {
        // Under another name first: a folder that is half gone must not look complete.
        doomed = onTheWay(state, "");
        DurableFiles.rename(state, doomed);
      }
      for (Path file : DurableFiles.list(doomed)) {
        Files.deleteIfExists(file);
      }
      Files.deleteIfExists(doomed);
    } catch (IOException e) {
      warn(state, DurableFiles.reason(e));
    }
  }

  /** Once for each folder: a run saves many times. */
  private void warn(Path path, String reason) {
    if (warned.add(path)) {
      LOGGER.log(
          System.Logger.Level.WARNING,
          OP + ": left " + path + " where it is, though it is of no use any more: " + reason);
    }
  }

  private static boolean exists(Path path) {
    return Files.exists(path, LinkOption.NOFOLLOW_LINKS);
  }

  /** Whether it is a folder, no link, with nothing in it but files that a save makes. */
  private static boolean isOurs(Path state) throws IOException {
    if (!Files.isDirectory(state, LinkOption.NOFOLLOW_LINKS)) {
      return false;
    }
    for (Path file : DurableFiles.list(state)) {
      String name = file.getFileName().toString();
      String made =
          name.endsWith(UNFINISHED) // of earlier versions
              ? name.substring(0, name.length() - UNFINISHED.length())
              : name;
      if (!FILES.contains(made) || !Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
        return false;
      }
    }
    return true;
  }

  // ---- reading ----

  /**
   * Whether there is no state in the folder, damaged ones included.
   *
   * @throws TensorException if the folder cannot be read
   */
  public boolean isEmpty() {
    try {
      return newest().isEmpty();
    } catch (IOException e) {
      throw DurableFiles.failed(OP, "read", folder, e);
    }
  }

  /**
   * Reads the latest complete state: the one that {@code LATEST} names, or the one of the highest
   * step where that is no help. Another process may go on saving meanwhile.
   *
   * @param device where its tensors go; they are born in the current scope
   * @return empty if there is none
   * @throws TensorException if it cannot be read or is damaged; the message names the state before
   *     it that is whole
   */
  public Optional<Checkpoint> latest(Device device) {
    try {
      for (int attempt = 1; ; attempt++) {
        Optional<Path> found = newest();
        if (found.isEmpty()) {
          return Optional.empty();
        }
        Path state = found.get();
        Object identity = identity(state);
        try {
          return Optional.of(read(state, device));
        } catch (OutOfMemoryException e) {
          throw e; // not the state's fault
        } catch (TensorException e) {
          // It may just have been replaced, or removed because there are later ones.
          boolean same = newest().equals(found) && Objects.equals(identity(state), identity);
          if (same || attempt == MOST_ATTEMPTS) {
            throw withWayOut(state, e);
          }
        }
      }
    } catch (IOException e) {
      throw DurableFiles.failed(OP, "read", folder, e);
    }
  }

  private Optional<Path> newest() throws IOException {
    List<Path> complete = complete();
    Optional<String> name = named();
    return complete.stream()
        .filter(path -> Optional.of(path.getFileName().toString()).equals(name))
        .findAny()
        .or(() -> complete.stream().max(Comparator.comparingLong(Checkpoints::step)));
  }

  /** What {@code LATEST} says. */
  private Optional<String> named() {
    Path latest = folder.resolve(LATEST);
    try {
      ByteBuffer text = DurableFiles.read(latest, MOST_TEXT_BYTES);
      return Optional.of(StandardCharsets.ISO_8859_1.decode(text).toString().strip());
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw DurableFiles.failed(OP, "read", latest, e);
    }
  }

  private static @Nullable Object identity(Path state) throws IOException {
    try {
      return Files.readAttributes(state, BasicFileAttributes.class).fileKey();
    } catch (NoSuchFileException e) {
      return null;
    }
  }

  /** Adds which older state is whole, and what makes it the latest. */
  private TensorException withWayOut(Path damaged, TensorException failure) throws IOException {
    List<Path> away = new ArrayList<>(List.of(damaged));
    List<Path> others =
        complete().stream()
            .filter(path -> !path.equals(damaged))
            .sorted(Comparator.comparingLong(Checkpoints::step).reversed())
            .toList();
    for (Path other : others) {
      try (var _ = Scope.open()) {
        read(other, Device.REFERENCE);
      } catch (TensorException e) {
        away.add(other);
        continue;
      }
      return new TensorException(
          failure.getMessage()
              + "; "
              + other
              + " is whole: to go on from it, move away "
              + away.stream().map(Path::toString).collect(Collectors.joining(" and ")),
          failure);
    }
    return failure;
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

  private static Checkpoint read(Path state, Device device) {
    Map<String, Checksum> sums = checksums(state.resolve(CHECKSUMS));
    Map<String, @Nullable Object> train = readObject(state.resolve(TRAIN), sums.get(TRAIN));
    Map<String, Tensor> model =
        Safetensors.read(state.resolve(MODEL), device, sums.get(MODEL)).tensors();
    boolean complete = false;
    try {
      Map<String, Tensor> optimizer =
          Safetensors.read(state.resolve(OPTIMIZER), device, sums.get(OPTIMIZER)).tensors();
      complete = true;
      return new Checkpoint(step(state), model, optimizer, train);
    } finally {
      if (!complete) {
        model.values().forEach(Tensor::close);
      }
    }
  }

  /** Of a state's files; empty for a state of an earlier version, which has none. */
  private static Map<String, Checksum> checksums(Path file) {
    if (!Files.exists(file)) {
      return Map.of();
    }
    Map<String, Checksum> sums = new LinkedHashMap<>();
    Map<String, @Nullable Object> saved = readObject(file, null);
    for (String name : List.of(MODEL, OPTIMIZER, TRAIN)) {
      if (saved.get(name) instanceof Map<?, ?> sum
          && sum.get("bytes") instanceof Long bytes
          && sum.get("crc32c") instanceof Long crc32c) {
        sums.put(name, new Checksum(bytes, crc32c));
      } else {
        throw new TensorException(OP + ": " + file + ": damaged: it has no checksum of " + name);
      }
    }
    return sums;
  }

  @SuppressWarnings("unchecked") // Json's objects have string keys
  private static Map<String, @Nullable Object> readObject(Path file, @Nullable Checksum expected) {
    try {
      ByteBuffer text = DurableFiles.read(file, MOST_TEXT_BYTES);
      if (expected != null && !expected.equals(Checksum.of(text))) {
        throw new TensorException("damaged: its checksum is not the one that was saved with it");
      }
      if (Json.parse(text) instanceof Map<?, ?> object) {
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
