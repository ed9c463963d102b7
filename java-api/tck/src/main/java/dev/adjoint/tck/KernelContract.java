package dev.adjoint.tck;

import java.util.ArrayList;
import java.util.List;

/** Every kernel of the seam, group by group. */
public final class KernelContract {
  private KernelContract() {}

  /** All groups of cases. */
  public static List<KernelGroup> groups() {
    List<KernelGroup> groups = new ArrayList<>();
    groups.addAll(ElementwiseCases.groups());
    groups.addAll(ReductionCases.groups());
    groups.addAll(GemmCases.groups());
    groups.addAll(NormCases.groups());
    groups.addAll(LossCases.groups());
    groups.addAll(AttentionCases.groups());
    groups.addAll(IndexCases.groups());
    groups.addAll(RandomCases.groups());
    groups.addAll(OptimizerCases.groups());
    return groups;
  }
}
