package dev.adjoint;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.type;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.GeneralCodingRules.ACCESS_STANDARD_STREAMS;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.library.Architectures;
import com.tngtech.archunit.library.dependencies.SlicesRuleDefinition;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import dev.adjoint.spi.Messages;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;

/** The dependencies that ARCHITECTURE.md allows between the packages of this module. */
class ArchitectureTest {
  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .importPackages("dev.adjoint");

  @Test
  void backendSideKnowsNoTensors() {
    check(
        noClasses()
            .that()
            .resideInAnyPackage("dev.adjoint.spi..", "dev.adjoint.reference..")
            .should()
            .dependOnClassesThat()
            .haveNameMatching("dev\\.adjoint\\.(Tensor|Scope)(\\$.*)?")
            .orShould()
            .dependOnClassesThat()
            .resideInAnyPackage(
                "dev.adjoint.autograd..",
                "dev.adjoint.graph..",
                "dev.adjoint.ops..",
                "dev.adjoint.nn..",
                "dev.adjoint.optim..",
                "dev.adjoint.train..")
            .because("a backend sees only views: address, layout and dtype"));
  }

  @Test
  void modelsReachKernelsThroughOps() {
    check(
        noClasses()
            .that()
            .resideInAnyPackage(
                "dev.adjoint.nn..",
                "dev.adjoint.optim..",
                "dev.adjoint.train..",
                "dev.adjoint.data..")
            .should()
            .dependOnClassesThat(
                resideInAnyPackage(
                        "dev.adjoint.spi..", "dev.adjoint.internal..", "dev.adjoint.reference..")
                    .and(not(type(Messages.class))))
            .because("they are written with the public API, as a user's own code is"));
  }

  /** The public classes of the root package are in every layer. */
  @Test
  void packagesHaveNoCycles() {
    SlicesRuleDefinition.slices()
        .matching("dev.adjoint.(*)..")
        .should()
        .beFreeOfCycles()
        .because("what can be understood alone can be changed alone")
        .check(CLASSES);
  }

  @Test
  void layersPointDown() {
    Architectures.layeredArchitecture()
        .consideringOnlyDependenciesInLayers()
        .layer("models")
        .definedBy(
            "dev.adjoint.nn..",
            "dev.adjoint.optim..",
            "dev.adjoint.train..",
            "dev.adjoint.data..",
            "dev.adjoint.io..")
        .layer("autograd")
        .definedBy("dev.adjoint.autograd..")
        .layer("operations")
        .definedBy("dev.adjoint.ops..")
        .layer("host")
        .definedBy("dev.adjoint.host..")
        .layer("graph")
        .definedBy("dev.adjoint.graph..")
        .layer("internal")
        .definedBy("dev.adjoint.internal..")
        .layer("reference")
        .definedBy("dev.adjoint.reference..")
        .layer("backend")
        .definedBy("dev.adjoint.spi..")
        .whereLayer("models")
        .mayNotBeAccessedByAnyLayer()
        .whereLayer("autograd")
        .mayOnlyBeAccessedByLayers("models")
        .whereLayer("operations")
        .mayOnlyBeAccessedByLayers("models", "autograd")
        .whereLayer("host")
        .mayOnlyBeAccessedByLayers("models", "autograd", "operations")
        .whereLayer("graph")
        .mayOnlyBeAccessedByLayers("autograd", "operations")
        .whereLayer("internal")
        .mayOnlyBeAccessedByLayers("models", "autograd", "operations", "host", "graph")
        .whereLayer("reference")
        .mayOnlyBeAccessedByLayers("internal")
        .check(CLASSES);
  }

  @Test
  void foreignMemoryStaysInside() {
    check(
        noClasses()
            .that()
            .resideOutsideOfPackages(
                "dev.adjoint",
                "dev.adjoint.io..",
                "dev.adjoint.spi..",
                "dev.adjoint.host..",
                "dev.adjoint.internal..",
                "dev.adjoint.reference..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("java.lang.foreign..")
            .because("everything above works on tensors"));
  }

  @Test
  void everyPackageIsNullMarked() {
    check(classes().should(beInNullMarkedPackage()));
  }

  /** A file that imports our packages whole could not use such a name: it sees java.lang too. */
  @Test
  void noPublicNameIsOneOfJavaLang() {
    for (JavaClass type : CLASSES) {
      if (type.getModifiers().contains(JavaModifier.PUBLIC) && type.isTopLevelClass()) {
        assertThrows(
            ClassNotFoundException.class,
            () -> Class.forName("java.lang." + type.getSimpleName()),
            type.getName());
      }
    }
  }

  /** Digits are not ours everywhere, and I is not the capital of i. */
  @Test
  void nothingDependsOnTheLocale() {
    check(
        noClasses()
            .should()
            .callMethod(String.class, "formatted", Object[].class)
            .orShould()
            .callMethod(String.class, "format", String.class, Object[].class)
            .orShould()
            .callMethod(String.class, "toLowerCase")
            .orShould()
            .callMethod(String.class, "toUpperCase")
            .because("files and messages are the same everywhere: use Locale.ROOT"));
  }

  @Test
  void nothingIsPrinted() {
    check(
        noClasses()
            .should(ACCESS_STANDARD_STREAMS)
            .because("a library returns, throws or logs; it does not print"));
  }

  /** Checks a rule, also where no class is in its packages. */
  private static void check(ArchRule rule) {
    rule.allowEmptyShould(true).check(CLASSES);
  }

  private static ArchCondition<JavaClass> beInNullMarkedPackage() {
    return new ArchCondition<>("be in a package whose package-info is @NullMarked") {
      @Override
      public void check(JavaClass javaClass, ConditionEvents events) {
        boolean marked = javaClass.getPackage().isAnnotatedWith(NullMarked.class);
        events.add(
            new SimpleConditionEvent(
                javaClass, marked, javaClass.getPackageName() + " of " + javaClass.getName()));
      }
    };
  }
}
