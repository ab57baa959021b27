package dev.plexspaces.examples.calculator;

import java.math.BigDecimal;
import java.math.BigInteger;

/// Arithmetic that keeps integers integers, of any size, and computes all else in 64-bit floats.
final class Numbers {

  /// Longest integer result, bits; about 900 digits.
  private static final int BITS_MAX = 3_000;

  private Numbers() {}

  static Number add(Number a, Number b) {
    return integers(a, b)
        ? integer(a).add(integer(b))
        : (Number) (a.doubleValue() + b.doubleValue());
  }

  static Number subtract(Number a, Number b) {
    return integers(a, b)
        ? integer(a).subtract(integer(b))
        : (Number) (a.doubleValue() - b.doubleValue());
  }

  static Number multiply(Number a, Number b) {
    return integers(a, b)
        ? integer(a).multiply(integer(b))
        : (Number) (a.doubleValue() * b.doubleValue());
  }

  /// An integer when two integers divide without remainder.
  static Number divide(Number a, Number b) {
    if (integers(a, b)) {
      BigInteger[] parts = integer(a).divideAndRemainder(integer(b));
      if (parts[1].signum() == 0) {
        return parts[0];
      }
    }
    return a.doubleValue() / b.doubleValue();
  }

  /// True for what can be sent and stored.
  static boolean representable(Number n) {
    return n instanceof BigInteger i ? i.bitLength() <= BITS_MAX : Double.isFinite(n.doubleValue());
  }

  private static boolean integers(Number a, Number b) {
    return integral(a) && integral(b);
  }

  private static boolean integral(Number n) {
    return !(n instanceof Double || n instanceof Float || n instanceof BigDecimal);
  }

  private static BigInteger integer(Number n) {
    return n instanceof BigInteger i ? i : BigInteger.valueOf(n.longValue());
  }
}
