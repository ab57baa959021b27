package dev.plexspaces.node.deploy;

import dev.plexspaces.kernel.ApplicationUnit.Offer;
import dev.plexspaces.kernel.binding.ActorType;
import dev.plexspaces.sdk.ChildSpec;
import dev.plexspaces.sdk.Facet;
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
          "actors", "the bundle has no class annotated @GenServer, @GenEvent or @GenFsm");
    }
    Map<String, Offer> types = new TreeMap<>();
    for (AppConfig.ActorDeclaration declaration : declarations) {
      ActorType type = bind(declaration, loader, binder);
      Offer offer = new Offer(type, declaration.facets());
      if (types.putIfAbsent(type.name(), offer) != null) {
        throw Refused.key(
            declaration.keyPath(),
            "its actor type \"" + type.name() + "\" is the type of another class already");
      }
    }
    requireKnownChildren(config, types);
    return new LoadedApplication(types, facets(loader));
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

  private static void requireKnownChildren(AppConfig config, Map<String, Offer> types) {
    for (AppConfig.DeclaredChild child : config.children()) {
      ChildSpec spec = child.spec();
      Offer offer = types.get(spec.type());
      if (offer == null) {
        throw Refused.key(
            child.keyPath(),
            "\""
                + spec.type()
                + "\" is not an actor type of this application; there are: "
                + String.join(", ", types.keySet()));
      }
      ActorType.Behavior behavior = offer.type().behavior();
      child
          .behavior()
          .filter(b -> b != behavior)
          .ifPresent(
              b -> {
                throw Refused.key(
                    child.keyPath(),
                    "behavior_kind does not fit: actor type \""
                        + spec.type()
                        + "\" is a "
                        + behavior.name().toLowerCase(Locale.ROOT));
              });
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
