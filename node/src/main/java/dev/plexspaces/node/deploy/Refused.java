package dev.plexspaces.node.deploy;

import dev.plexspaces.sdk.ErrorCode;
import dev.plexspaces.sdk.PlexException;
import java.util.List;

/// The reasons a deployment is refused, as errors to throw.
final class Refused {

  private Refused() {}

  /// Something is wrong with an uploaded file.
  static PlexException upload(String file, String problem) {
    return invalid(file, file + ": " + problem, problem);
  }

  /// Something is wrong with a key of the configuration.
  static PlexException key(String keyPath, String problem) {
    return invalid(keyPath, AppConfig.FILE + ": " + keyPath + ": " + problem, problem);
  }

  /// Something is wrong with a field of the request.
  static PlexException field(String field, String problem) {
    return invalid(field, field + ": " + problem, problem);
  }

  /// The same words to whom it belongs and to everybody else: ids are the node's, and who has one
  /// is not said.
  static PlexException idInUse(String id) {
    return new PlexException(
        ErrorCode.CONFLICT,
        "application_id: \""
            + id
            + "\" is not free on this node; if it is yours, undeploy it first, else choose another");
  }

  static PlexException unknown(String id) {
    return new PlexException(ErrorCode.NOT_FOUND, "no application \"" + id + "\" is deployed");
  }

  static PlexException busy(String id, String state) {
    return new PlexException(
        ErrorCode.CONFLICT, "application \"" + id + "\" is " + state + "; try again later");
  }

  static PlexException shared(String id) {
    return new PlexException(
        ErrorCode.NOT_PERMITTED, "application \"" + id + "\" belongs to the node");
  }

  static PlexException unknownTypes(String id) {
    return new PlexException(
        ErrorCode.FAILED_PRECONDITION,
        "application \""
            + id
            + "\" cannot be purged: it did not start, so its actor types are not known; undeploy it"
            + " without purge, or deploy one that starts in its place and purge that");
  }

  static PlexException tooMany(int max) {
    return new PlexException(
        ErrorCode.RESOURCE_EXHAUSTED,
        "the node holds " + max + " applications, its bound; undeploy one first");
  }

  static PlexException stopping() {
    return new PlexException(ErrorCode.UNAVAILABLE, "the node is stopping");
  }

  static PlexException disk(Exception cause) {
    return new PlexException(
        ErrorCode.UNAVAILABLE,
        "the node's disk is full or cannot be written; try again later",
        List.of(),
        cause);
  }

  private static PlexException invalid(String field, String message, String problem) {
    return new PlexException(
        ErrorCode.INVALID_MESSAGE,
        message,
        List.of(new PlexException.FieldViolation(field, problem)),
        null);
  }
}
