package dev.plexspaces.node.deploy;

import dev.plexspaces.kernel.ApplicationUnit.Offer;
import dev.plexspaces.kernel.FacetCatalog;
import dev.plexspaces.kernel.binding.ActorType;
import dev.plexspaces.node.deploy.AppConfig.DeclaredFacet;
import dev.plexspaces.sdk.ChildSpec;
import dev.plexspaces.sdk.Facet;
import dev.plexspaces.sdk.FacetSpec;
import dev.plexspaces.sdk.PlexException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// The classes of an application, found, bound and checked against its configuration.
///
/// @param types by name
/// @param facets its own facets by name
record LoadedApplication(Map<String, Offer> types, Map<String, Supplier<Facet>> facets) {

  /// Loads and binds all actor classes and facets.
  ///
  /// @param classes names to use when the configuration has no `[[actors]]`
  /// @param binder makes an actor type of an annotated class
  /// @throws PlexException `INVALID_MESSAGE` naming the key and what is wrong
  static LoadedApplication load(
      AppConfig config,
      List<String> classes,
      ClassLoader loader,
      Function<Class<?>, ActorType> binder) {
    List<AppConfig.ActorDeclaration> declarations = new ArrayList<>(config.actors());
    if (declarations.isEmpty()) {
      for (String name : classes) {
        declarations.add(
            new AppConfig.ActorDeclaration("class " + name, name, Optional.empty(), List.of()));
      }
    }
    if (declarations.isEmpty()) {
      throw Refused.key(
          "actors",
          "the bundle has no class annotated @GenServer, @GenEvent or @GenFsm; name a class that"
              + " implements Actor in [[actors]]");
    }
    Map<String, Supplier<Facet>> facets = facets(loader);
    Map<String, Offer> types = new TreeMap<>();
    for (AppConfig.ActorDeclaration declaration : declarations) {
      ActorType type = bind(declaration, loader, binder);
      Offer offer = new Offer(type, DeclaredFacet.specs(declaration.facets()));
      if (types.putIfAbsent(type.name(), offer) != null) {
        throw Refused.key(
            declaration.keyPath(),
            "its actor type \"" + type.name() + "\" is the type of another class already");
      }
      requireFitting(declaration, type, facets);
      requireStartable(declaration, type, config.children());
    }
    for (AppConfig.DeclaredChild child : config.children()) {
      requireFitting(child, types, facets);
    }
    return new LoadedApplication(types, facets);
  }

  private static ActorType bind(
      AppConfig.ActorDeclaration declaration,
      ClassLoader loader,
      Function<Class<?>, ActorType> binder) {
    String key = declaration.keyPath();
    String name = declaration.className();
    try {
      ActorType bound = binder.apply(Class.forName(name, false, loader));
      return declaration.type().<ActorType>map(t -> new DeployedType(bound, t)).orElse(bound);
    } catch (ClassNotFoundException e) {
      throw Refused.key(key, "class \"" + name + "\" is not in the bundle");
    } catch (UnsupportedClassVersionError e) {
      throw Refused.key(
          key,
          "class \""
              + name
              + "\" is compiled for a newer Java than "
              + Runtime.version().feature());
    } catch (LinkageError | TypeNotPresentException e) {
      throw Refused.key(
          key, "class \"" + name + "\" cannot be loaded; missing or damaged: " + e.getMessage());
    } catch (PlexException e) {
      throw Refused.key(key, e.getMessage());
    }
  }

  /// Checks the facets of a class, those it names itself and those the file adds.
  private static void requireFitting(
      AppConfig.ActorDeclaration declaration, ActorType type, Map<String, Supplier<Facet>> own) {
    for (FacetSpec facet : type.facets()) {
      try {
        FacetCatalog.check(facet, own);
        requireFitting(facet, type);
      } catch (PlexException e) {
        throw Refused.key(
            declaration.keyPath(), "class \"" + declaration.className() + "\": " + e.getMessage());
      }
    }
    requireFitting(declaration.facets(), type, own);
  }

  /// Checks that a message can start a virtual actor, which gives it no args. A type that the tree
  /// has as a child may be there for that child only.
  private static void requireStartable(
      AppConfig.ActorDeclaration declaration,
      ActorType type,
      List<AppConfig.DeclaredChild> children) {
    boolean virtual =
        Stream.concat(type.facets().stream(), DeclaredFacet.specs(declaration.facets()).stream())
            .anyMatch(facet -> facet.name().equals(FacetCatalog.VIRTUAL_ACTOR));
    if (!virtual || children.stream().anyMatch(c -> c.spec().type().equals(type.name()))) {
      return;
    }
    try {
      type.checkArgs(Map.of());
    } catch (PlexException e) {
      String needed =
          e.violations().stream()
              .map(v -> v.field().isEmpty() ? "args: " + v.description() : v.field())
              .collect(Collectors.joining(", "));
      throw Refused.key(
          declaration.keyPath(),
          "@OnInit of class \""
              + declaration.className()
              + "\" needs "
              + needed
              + "; a virtual actor is started by a message and gets no args: give defaults with"
              + " @Param(defaultValue = ...) or take an Optional");
    }
  }

  private static void requireFitting(
      AppConfig.DeclaredChild child, Map<String, Offer> types, Map<String, Supplier<Facet>> own) {
    ChildSpec spec = child.spec();
    Offer offer = types.get(spec.type());
    if (offer == null) {
      throw Refused.key(
          child.pathOf(child.typeKey()),
          "\""
              + spec.type()
              + "\" is not an actor type of this application; there are: "
              + String.join(", ", types.keySet()));
    }
    ActorType.Behavior behavior = offer.type().behavior();
    if (child.behavior().isPresent() && child.behavior().get() != behavior) {
      throw Refused.key(
          child.pathOf("behavior_kind"),
          "does not fit: actor type \""
              + spec.type()
              + "\" is a "
              + behavior.name().toLowerCase(Locale.ROOT));
    }
    requireFitting(child.facets(), offer.type(), own);
    try {
      offer.type().checkArgs(spec.args());
    } catch (PlexException e) {
      throw Refused.key(child.pathOf("args"), e.getMessage());
    }
  }

  private static void requireFitting(
      List<DeclaredFacet> facets, ActorType type, Map<String, Supplier<Facet>> own) {
    for (DeclaredFacet facet : facets) {
      try {
        FacetCatalog.check(facet.spec(), own);
        requireFitting(facet.spec(), type);
      } catch (PlexException e) {
        String setting = e.violations().isEmpty() ? "" : e.violations().getFirst().field();
        throw Refused.key(facet.keyPaths().getOrDefault(setting, facet.keyPath()), e.getMessage());
      }
    }
  }

  private static void requireFitting(FacetSpec facet, ActorType type) {
    if (facet.name().equals(FacetCatalog.DURABILITY)) {
      type.requireDurable();
    }
  }

  private static Map<String, Supplier<Facet>> facets(ClassLoader loader) {
    Map<String, Supplier<Facet>> facets = new LinkedHashMap<>();
    try {
      for (var provider : ServiceLoader.load(Facet.class, loader).stream().toList()) {
        if (provider.type().getClassLoader() != loader) {
          continue;
        }
        String name = provider.get().name();
        if (facets.putIfAbsent(name, provider::get) != null) {
          throw Refused.upload(
              "META-INF/services/" + Facet.class.getName(), "names two facets \"" + name + "\"");
        }
      }
      return facets;
    } catch (ServiceConfigurationError | LinkageError e) {
      throw Refused.upload("META-INF/services/" + Facet.class.getName(), e.getMessage());
    }
  }
}
