package dev.adjoint.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.Device;
import dev.adjoint.Generator;
import dev.adjoint.Reference;
import dev.adjoint.Shape;
import dev.adjoint.ShapeMismatchException;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import java.util.Arrays;
import java.util.TreeSet;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(Reference.class)
class DataTest {
  @Test
  void charactersBecomeTokensAndBack() {
    CharTokenizer tokenizer = CharTokenizer.of("hello \uD83D\uDE00");
    assertEquals(" ehlo\uD83D\uDE00", tokenizer.vocabulary());
    assertEquals(6, tokenizer.size());
    assertArrayEquals(new long[] {2, 1, 3, 3, 4, 5}, tokenizer.encode("hello\uD83D\uDE00"));
    assertEquals("hole\uD83D\uDE00", tokenizer.decode(2, 4, 3, 1, 5));
    assertEquals("", tokenizer.decode(tokenizer.encode("")));
    assertEquals(tokenizer.vocabulary(), CharTokenizer.of(tokenizer.vocabulary()).vocabulary());
  }

  @Test
  void unknownCharactersAndTokensAreNamed() {
    CharTokenizer tokenizer = CharTokenizer.of("abc");
    assertEquals(
        "encode: the character U+00E9 (LATIN SMALL LETTER E WITH ACUTE) at position 1 is not in the vocabulary of 3",
        assertThrows(TensorException.class, () -> tokenizer.encode("aé")).getMessage());
    assertThrows(TensorException.class, () -> tokenizer.decode(3));
    assertThrows(TensorException.class, () -> tokenizer.decode(-1));
  }

  @Test
  void targetsAreTheNextTokens() {
    long[] tokens = LongStream.range(100, 140).toArray();
    try (Generator generator = new Generator(Device.REFERENCE, 1)) {
      TextBatches batches = new TextBatches(tokens, 8, 5, generator);
      TreeSet<Double> starts = new TreeSet<>();
      for (int i = 0; i < 100; i++) {
        Batch batch = batches.next();
        assertEquals(Shape.of(8, 5), batch.inputs().shape());
        assertArrayEquals(batch.inputs().add(1).toLongArray(), batch.targets().toLongArray());
        for (int row = 0; row < 8; row++) {
          starts.add(batch.inputs().get(row, 0));
        }
      }
      assertEquals(35, starts.size(), "every window");
      assertEquals(134, starts.last());
      assertThrows(TensorException.class, () -> new TextBatches(tokens, 1, 40, generator));
      new TextBatches(tokens, 1, 39, generator).next();
    }
  }

  @Test
  void textBatchesCanBeRewound() {
    try (Generator generator = new Generator(Device.REFERENCE, 1)) {
      assertCanBeRewound(new TextBatches(LongStream.range(0, 1000).toArray(), 4, 5, generator), 3);
    }
  }

  @Test
  void everyEpochHasEveryExampleOnce() {
    Tensor inputs = Tensor.arange(10).reshape(10, 1, 1).expand(10, 2, 1);
    Tensor targets = Tensor.arange(10);
    try (Generator generator = new Generator(Device.REFERENCE, 1)) {
      DataLoader loader = new DataLoader(new Dataset(inputs, targets), 5, generator);
      assertEquals(2, loader.batchesPerEpoch());
      long[][] epochs = new long[2][10];
      for (long[] epoch : epochs) {
        for (int half = 0; half < 2; half++) {
          Batch batch = loader.next();
          assertEquals(Shape.of(5, 2, 1), batch.inputs().shape());
          assertArrayEquals(
              batch.targets().toLongArray(), batch.inputs().select(1, 1).toLongArray());
          System.arraycopy(batch.targets().toLongArray(), 0, epoch, 5 * half, 5);
        }
      }
      assertNotEquals(Arrays.toString(epochs[0]), Arrays.toString(epochs[1]));
      for (long[] epoch : epochs) {
        assertArrayEquals(
            LongStream.range(0, 10).toArray(), Arrays.stream(epoch).sorted().toArray());
      }
    }
  }

  @Test
  void dataLoadersCanBeRewound() {
    Dataset dataset = new Dataset(Tensor.randn(7, 3), Tensor.arange(7));
    try (Generator generator = new Generator(Device.REFERENCE, 1)) {
      for (int before = 0; before < 8; before++) {
        assertCanBeRewound(new DataLoader(dataset, 2, generator), before);
      }
      assertThrows(TensorException.class, () -> new DataLoader(dataset, 8, generator));
      assertThrows(TensorException.class, () -> new DataLoader(dataset, 0, generator));
      DataLoader loader = new DataLoader(dataset, 2, generator);
      assertThrows(TensorException.class, () -> loader.restore(new long[] {1, 2}));
    }
    assertThrows(ShapeMismatchException.class, () -> new Dataset(Tensor.zeros(2), Tensor.zeros(3)));
  }

  @Test
  void aRestoredLoaderLeavesASharedGeneratorWhereItStood() {
    Dataset dataset = new Dataset(Tensor.randn(7, 3), Tensor.arange(7));
    try (Generator shared = new Generator(Device.REFERENCE, 1)) {
      DataLoader loader = new DataLoader(dataset, 2, shared);
      loader.next();
      shared.nextLong(5); // by somebody else
      long[] saved = loader.save();
      long[] stood = shared.save();
      double[] expected = draw(loader);
      loader.restore(saved);
      assertArrayEquals(stood, shared.save());
      assertArrayEquals(expected, draw(loader));
    }
  }

  private static void assertCanBeRewound(Batches batches, int before) {
    for (int i = 0; i < before; i++) {
      batches.next();
    }
    long[] saved = batches.save();
    double[] expected = draw(batches);
    assertTrue(expected.length > 0);
    batches.restore(saved);
    assertArrayEquals(expected, draw(batches));
  }

  private static double[] draw(Batches batches) {
    return LongStream.range(0, 9)
        .boxed()
        .flatMapToDouble(_ -> Arrays.stream(batches.next().targets().toDoubleArray()))
        .toArray();
  }
}
