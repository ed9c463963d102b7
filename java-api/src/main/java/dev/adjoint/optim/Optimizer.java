package dev.adjoint.optim;

import dev.adjoint.DType;
import dev.adjoint.Device;
import dev.adjoint.Scope;
import dev.adjoint.Shape;
import dev.adjoint.Tensor;
import dev.adjoint.TensorException;
import dev.adjoint.autograd.GradMode;
import dev.adjoint.nn.StateDict;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;

/**
 * Changes parameters by their gradients. What varies from step to step (learning rate, steps done)
 * lies in tensors that the kernels read, so a captured step follows a schedule; what is fixed is in
 * the rule. A parameter without a gradient is left alone, and its own count of steps stays.
 *
 * <p>A new rule is a subclass with {@link #update}; it may be written with ordinary tensor
 * operations.
 */
public abstract class Optimizer implements AutoCloseable {
  private static final String STEP = "step";
  private static final String LEARNING_RATE = "learning_rate";
  private static final String SHARE = "share";

  /** Up to here a double can count. */
  private static final double MOST_STEPS = 0x1p53;

  /** Parameters with the same settings that have made the same number of steps. */
  private static final class Cohort {
    private List<Member> members;
    private final Tensor hyper;

    /**
     * @param hyper F64 [2] = {learning rate, steps done}; out of every scope when the group has it
     */
    Cohort(List<Member> members, Tensor hyper) {
      this.members = members;
      this.hyper = hyper;
    }

    static Cohort of(List<Member> members, double learningRate, double steps) {
      double[] hyper = {learningRate, steps};
      Device device = members.getFirst().parameter().device();
      return new Cohort(members, Tensor.of(hyper, Shape.of(hyper.length), device));
    }
  }

  /** A parameter, its place in the order of all, and its state. */
  private record Member(int index, Tensor parameter, List<Tensor> state) {
    String key(String name) {
      return index + "." + name;
    }
  }

  /** A {@link ParameterGroup} at work. */
  private static final class Group {
    private final double weightDecay;
    private double learningRate;

    /** Its learning rate over the optimizer's; infinite where only that is 0. */
    private double share = 1;

    private final List<Cohort> cohorts = new ArrayList<>();

    Group(double learningRate, double weightDecay) {
      this.learningRate = learningRate;
      this.weightDecay = weightDecay;
    }

    void setRate(double value) {
      cohorts.forEach(cohort -> cohort.hyper.set(value, 0));
      learningRate = value;
    }

    /** A learning rate of its own, beside the optimizer's. */
    void setShare(double own, double common) {
      share = own == 0 ? 0 : own / common;
    }

    void add(Cohort cohort) {
      Scope.escape(cohort.hyper);
      cohorts.add(cohort);
    }

    void closeCounts() {
      cohorts.forEach(cohort -> cohort.hyper.close());
    }

    List<Member> members() {
      return cohorts.stream().flatMap(cohort -> cohort.members.stream()).toList();
    }
  }

  private final List<String> stateNames;
  private final List<Group> groups = new ArrayList<>();
  private final List<Tensor> parameters = new ArrayList<>();
  private double learningRate;

  /**
   * For subclasses.
   *
   * @param learningRate that schedules start from, and of groups that have none of their own
   * @param weightDecay of groups that have none of their own
   * @param stateNames of the tensors like the parameter that the rule keeps for each, zeros at
   *     first
   * @throws TensorException if there are no parameters, one is named twice or is no leaf of
   *     floating type, or a setting is negative or not finite
   */
  protected Optimizer(
      List<ParameterGroup> groups,
      double learningRate,
      double weightDecay,
      List<String> stateNames) {
    this.stateNames = List.copyOf(stateNames);
    this.learningRate = learningRate;
    checkSetting("learning rate", learningRate);
    Set<Tensor> seen = Collections.newSetFromMap(new IdentityHashMap<>());
    for (ParameterGroup settings : groups) {
      Group group =
          new Group(
              settings.learningRate().orElse(learningRate),
              settings.weightDecay().orElse(weightDecay));
      checkSetting("learning rate", group.learningRate);
      settings.learningRate().ifPresent(own -> group.setShare(own, learningRate));
      checkSetting("weight decay", group.weightDecay);
      List<Member> members = new ArrayList<>();
      for (Tensor parameter : settings.parameters()) {
        if (!parameter.isLeaf() || !parameter.dtype().isFloating() || parameter.dtype().isHalf()) {
          throw new TensorException(
              "optimizer: a parameter must be a leaf of type F32 or F64, got "
                  + parameter.dtype()
                  + " "
                  + parameter.shape()
                  + (parameter.isLeaf() ? "" : ", the result of " + parameter.gradFn()));
        }
        if (!seen.add(parameter)) {
          throw new TensorException(
              "optimizer: a parameter of shape " + parameter.shape() + " is named twice");
        }
        members.add(new Member(parameters.size(), parameter, new ArrayList<>()));
        parameters.add(parameter);
      }
      this.groups.add(group);
      if (!members.isEmpty()) {
        group.add(Cohort.of(members, group.learningRate, 0));
      }
    }
    if (parameters.isEmpty()) {
      throw new TensorException("optimizer: there are no parameters");
    }
  }

  /** For subclasses: with what their builder was told. */
  protected Optimizer(Settings<?> settings, List<String> stateNames) {
    this(settings.groups, settings.learningRate, settings.weightDecay, stateNames);
  }

  /**
   * What the builders of all optimizers have in common.
   *
   * @param <B> the builder itself
   */
  public abstract static class Settings<B extends Settings<B>> {
    private final List<ParameterGroup> groups = new ArrayList<>();
    private final double learningRate;
    private double weightDecay;

    /** With the learning rate and the weight decay of groups that have none of their own. */
    protected Settings(double learningRate, double weightDecay) {
      this.learningRate = learningRate;
      this.weightDecay = weightDecay;
    }

    /** This builder. */
    protected abstract B self();

    /** Adds parameters with the common settings. */
    public B group(List<Tensor> parameters) {
      return group(ParameterGroup.of(parameters));
    }

    /** Adds parameters. */
    public B group(ParameterGroup group) {
      groups.add(group);
      return self();
    }

    /** How much of itself each parameter loses, as the optimizer's rule says. */
    public B weightDecay(double value) {
      weightDecay = value;
      return self();
    }
  }

  static void checkSetting(String what, double value) {
    if (!(value >= 0 && value < Double.POSITIVE_INFINITY)) {
      throw new TensorException(
          "optimizer: the " + what + " must be finite and not negative, got " + value);
    }
  }

  /**
   * The rule, for parameters that all have gradients. It must add 1 to the steps done.
   *
   * @param state for each name of state, one tensor for each parameter
   * @param hyper F64 [2] = {learning rate, steps done}
   */
  protected abstract void update(
      List<Tensor> parameters,
      List<Tensor> gradients,
      List<List<Tensor>> state,
      Tensor hyper,
      double weightDecay);

  /** All parameters, in the order of the groups. */
  public final List<Tensor> parameters() {
    return Collections.unmodifiableList(parameters);
  }

  /** Drops the gradients of all parameters. */
  public final void zeroGrad() {
    parameters.forEach(Tensor::zeroGrad);
  }

  /**
   * Makes the state, where there is none yet: the first {@link #step} does so too, but a step that
   * is being recorded cannot.
   */
  public final void initializeState() {
    for (Group group : groups) {
      for (Member member : group.members()) {
        while (member.state().size() < stateNames.size()) {
          member.state().add(Scope.escape(member.parameter().zerosLike()));
        }
      }
    }
  }

  /** Changes every parameter that has a gradient. */
  public final void step() {
    initializeState();
    try (var _ = GradMode.off();
        var _ = Scope.open()) {
      for (Group group : groups) {
        for (Cohort cohort : List.copyOf(group.cohorts)) {
          step(group, cohort);
        }
      }
    }
  }

  private void step(Group group, Cohort cohort) {
    List<Member> ready = new ArrayList<>();
    List<Member> idle = new ArrayList<>();
    List<Tensor> gradients = new ArrayList<>();
    for (Member member : cohort.members) {
      Tensor gradient = member.parameter().grad();
      if (gradient == null) {
        idle.add(member);
      } else {
        ready.add(member);
        gradients.add(gradient);
      }
    }
    if (ready.isEmpty()) {
      return;
    }
    if (!idle.isEmpty()) {
      group.add(new Cohort(idle, cohort.hyper.copy()));
      cohort.members = ready;
    }
    List<List<Tensor>> state = new ArrayList<>();
    for (int i = 0; i < stateNames.size(); i++) {
      int name = i;
      state.add(ready.stream().map(member -> member.state().get(name)).toList());
    }
    update(
        ready.stream().map(Member::parameter).toList(),
        gradients,
        state,
        cohort.hyper,
        group.weightDecay);
  }

  // ---- learning rate ----

  /** The optimizer's learning rate: that of all groups that have none of their own. */
  public final double learningRate() {
    return learningRate;
  }

  /** The learning rate of a group. */
  public final double learningRate(int group) {
    return groups.get(group).learningRate;
  }

  /**
   * Sets the optimizer's learning rate, for captured steps too; this is what schedules do. A group
   * with a learning rate of its own keeps its proportion to it: one with a tenth of the optimizer's
   * rate gets a tenth of the new one, and one with 0 stays frozen.
   *
   * @throws TensorException if it is negative or not finite, or if a group has a learning rate of
   *     its own beside an optimizer's of 0, so that there is no proportion to keep; nothing has
   *     changed then
   */
  public final void setLearningRate(double value) {
    checkSetting("learning rate", value);
    for (int i = 0; i < groups.size(); i++) {
      if (Double.isInfinite(groups.get(i).share)) {
        throw new TensorException(
            "optimizer: group "
                + i
                + " has a learning rate of its own, "
                + groups.get(i).learningRate
                + ", set while the optimizer's was 0, so that no proportion to it can be kept; build"
                + " the optimizer with a rate above 0, or set the rate of each group");
      }
    }
    groups.forEach(group -> group.setRate(group.share * value));
    learningRate = value;
  }

  /**
   * Sets the learning rate of one group, for captured steps too. Its proportion to the optimizer's
   * rate is what it keeps from then on: 0 freezes the group until it is set again.
   *
   * @throws TensorException if it is negative or not finite
   */
  public final void setLearningRate(int group, double value) {
    checkSetting("learning rate", value);
    groups.get(group).setRate(value);
    groups.get(group).setShare(value, learningRate);
  }

  // ---- state ----

  /**
   * All that is needed to go on: {@code learning_rate}; {@code 0.step}, {@code 0.exp_avg}, … by the
   * number of the parameter; {@code group.0.learning_rate} and {@code group.0.share}, its
   * proportion to {@code learning_rate}, by that of the group. The tensors share memory with the
   * optimizer and are born in the current scope.
   */
  public final Map<String, Tensor> stateDict() {
    initializeState();
    Device device = parameters.getFirst().device();
    Map<String, Tensor> state = new LinkedHashMap<>();
    state.put(LEARNING_RATE, scalar(learningRate, device));
    for (int g = 0; g < groups.size(); g++) {
      state.put(groupKey(g, LEARNING_RATE), scalar(groups.get(g).learningRate, device));
      state.put(groupKey(g, SHARE), scalar(groups.get(g).share, device));
      for (Cohort cohort : groups.get(g).cohorts) {
        for (Member member : cohort.members) {
          state.put(member.key(STEP), cohort.hyper.select(0, 1));
          for (int i = 0; i < stateNames.size(); i++) {
            state.put(member.key(stateNames.get(i)), member.state().get(i).detach());
          }
        }
      }
    }
    return state;
  }

  private static Tensor scalar(double value, Device device) {
    return Tensor.full(Shape.scalar(), value, DType.F64, device);
  }

  /**
   * Takes over the values of a {@link #stateDict}, from any device. Steps captured before do not
   * see them: record anew.
   *
   * @throws TensorException naming missing, unexpected and wrongly shaped or typed entries, or a
   *     learning rate or count of steps that no optimizer can have, or if there is no memory to
   *     move the state here; the optimizer is unchanged then
   */
  public final void loadStateDict(Map<String, Tensor> given) {
    String name = getClass().getSimpleName();
    try (var _ = Scope.open()) {
      Map<String, Tensor> own = stateDict();
      StateDict.check(name, own, given);
      // All that can fail comes before the first change.
      double common = learningRate(given, LEARNING_RATE);
      List<Double> rates = new ArrayList<>();
      List<Double> shares = new ArrayList<>();
      List<List<Cohort>> cohorts = new ArrayList<>();
      for (int g = 0; g < groups.size(); g++) {
        rates.add(learningRate(given, groupKey(g, LEARNING_RATE)));
        shares.add(share(given, groupKey(g, SHARE)));
        cohorts.add(cohorts(groups.get(g), rates.get(g), given));
      }
      StateDict.load(name, own, given);
      for (int g = 0; g < groups.size(); g++) {
        Group group = groups.get(g);
        group.closeCounts();
        group.cohorts.clear();
        group.learningRate = rates.get(g);
        group.share = shares.get(g);
        cohorts.get(g).forEach(group::add);
      }
      learningRate = common;
    }
  }

  /** New cohorts by the given counts of steps, born in the current scope. */
  private static List<Cohort> cohorts(Group group, double rate, Map<String, Tensor> given) {
    Map<Double, List<Member>> bySteps = new TreeMap<>();
    for (Member member : group.members()) {
      double steps = steps(given, member.key(STEP));
      bySteps.computeIfAbsent(steps, _ -> new ArrayList<>()).add(member);
    }
    List<Cohort> cohorts = new ArrayList<>();
    bySteps.forEach((steps, members) -> cohorts.add(Cohort.of(members, rate, steps)));
    return cohorts;
  }

  private static double learningRate(Map<String, Tensor> given, String key) {
    double rate = value(given, key);
    checkSetting("learning rate in the state, " + key + ",", rate);
    return rate;
  }

  private static double share(Map<String, Tensor> given, String key) {
    double share = value(given, key);
    if (!(share >= 0)) {
      throw new TensorException(
          "optimizer: the proportion in the state, "
              + key
              + ", must not be negative, got "
              + share);
    }
    return share;
  }

  private static double steps(Map<String, Tensor> given, String key) {
    double steps = value(given, key);
    if (!(steps >= 0 && steps <= MOST_STEPS) || steps != Math.rint(steps)) {
      throw new TensorException(
          "optimizer: the count of steps in the state, "
              + key
              + ", must be a whole number and not negative, got "
              + steps);
    }
    return steps;
  }

  private static double value(Map<String, Tensor> given, String key) {
    return Objects.requireNonNull(given.get(key)).item();
  }

  private static String groupKey(int group, String name) {
    return "group." + group + "." + name;
  }

  /** Closes the state, not the parameters. */
  @Override
  public void close() {
    for (Group group : groups) {
      group.members().forEach(member -> member.state().forEach(Tensor::close));
      group.closeCounts();
    }
  }
}
