package dev.plexspaces.node.deploy;

import dev.plexspaces.sdk.Actor;
import java.io.IOException;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.List;

/// The classes of one application. It sees its own JARs, the SDK and the JDK; nothing of the
/// platform and nothing of other applications.
///
/// Closed at undeployment; the classes are unloaded with it as soon as nobody refers to an actor of
/// the application any more.
final class ApplicationClassLoader extends URLClassLoader {

  /// @param id the application, shown in stack traces
  ApplicationClassLoader(String id, List<Path> jars) {
    super("app:" + id, urls(jars), new SdkLoader());
  }

  private static URL[] urls(List<Path> jars) {
    URL[] urls = new URL[jars.size()];
    for (int i = 0; i < urls.length; i++) {
      try {
        urls[i] = jars.get(i).toUri().toURL();
      } catch (MalformedURLException e) {
        throw new IllegalStateException("a path of the default file system is a URL", e);
      }
    }
    return urls;
  }

  @Override
  public void close() {
    try {
      super.close();
    } catch (IOException e) {
      // Open files are all that is lost; the loader is not used again.
      System.getLogger(ApplicationClassLoader.class.getName())
          .log(System.Logger.Level.WARNING, "closing " + getName(), e);
    }
  }

  /// The SDK's package out of the platform's class path, and the JDK above it.
  private static final class SdkLoader extends ClassLoader {

    private static final String PACKAGE = Actor.class.getPackageName() + ".";

    SdkLoader() {
      super("sdk", ClassLoader.getPlatformClassLoader());
    }

    @Override
    protected Class<?> findClass(String name) throws ClassNotFoundException {
      if (name.startsWith(PACKAGE) && name.indexOf('.', PACKAGE.length()) < 0) {
        return Class.forName(name, false, Actor.class.getClassLoader());
      }
      throw new ClassNotFoundException(name);
    }
  }
}
