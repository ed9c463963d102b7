package dev.adjoint.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.adjoint.DType;
import java.util.stream.LongStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** What {@code rows.cuh} relies on, for rows of any width. */
class RowTeamsTest {
  private static final int WARP = 32;
  private static final int SHARED_BYTES = 48 << 10;

  @ParameterizedTest
  @EnumSource(names = {"F32", "F64", "BF16"})
  void teamsAreWhatKernelsTakeThemFor(DType dtype) {
    LongStream.concat(LongStream.range(0, 5000), LongStream.of(12_288, 50_257, 1L << 40))
        .forEach(
            cols -> {
              for (int kept = 0; kept <= 2; kept++) {
                for (int sums = 0; sums <= 2; sums++) {
                  check(RowTeams.of(dtype, cols, kept, sums), dtype, cols, kept, sums);
                }
              }
            });
  }

  private static void check(RowTeams teams, DType dtype, long cols, int kept, int sums) {
    String what = teams + " for " + cols;
    assertEquals(1, Integer.bitCount(teams.team()), what);
    assertTrue(teams.team() <= WARP || teams.team() == teams.block(), what);
    assertEquals(0, teams.block() % WARP, what);
    if (teams.pitch() == 0) {
      assertEquals(teams.block(), teams.team(), what);
      assertEquals(0, teams.sharedBytes(), what);
    } else {
      long packet = Grid.packet(dtype.bytes());
      assertEquals(0, teams.pitch() % packet, what);
      assertTrue(teams.pitch() >= cols + packet - 1, what);
      long bytes = (long) kept * dtype.bytes() + (long) sums * dtype.widened().bytes();
      long needed = teams.teams() * teams.pitch() * bytes;
      assertEquals(needed, teams.sharedBytes(), what);
      assertTrue(needed < SHARED_BYTES, what);
    }
  }

  @ParameterizedTest
  @CsvSource({"3, 1, 128", "768, 32, 128", "1025, 128, 128", "50257, 512, 512"})
  void widerRowsGetMoreThreads(long cols, int team, int block) {
    RowTeams teams = RowTeams.of(DType.F32, cols, 1, 0);
    assertEquals(team, teams.team());
    assertEquals(block, teams.block());
  }
}
