package dev.adjoint.nn;

import dev.adjoint.Tensor;
import java.util.List;

/** Modules one after another; they are named {@code 0}, {@code 1}, … */
public final class Sequential extends Layer {
  private final List<Layer> modules;

  /** In the order of application; none at all is the identity. */
  public Sequential(Layer... modules) {
    this(List.of(modules));
  }

  /** In the order of application; none at all is the identity. */
  public Sequential(List<? extends Layer> modules) {
    this.modules = List.copyOf(modules);
    for (int i = 0; i < modules.size(); i++) {
      module(Integer.toString(i), modules.get(i));
    }
  }

  @Override
  public Tensor forward(Tensor x) {
    Tensor y = x;
    for (Layer module : modules) {
      y = module.apply(y);
    }
    return y;
  }
}
