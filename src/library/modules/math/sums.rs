//! Sums of floats that lose as few digits as CPython's. It must not know values.

/// Why there is no sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Finite numbers whose sum is not.
    Overflow,
    /// Both infinities.
    Opposite,
}

/// The exact sum of floats, rounded once at the end (Shewchuk, 1997).
#[derive(Default)]
pub(super) struct ExactSum {
    /// Parts that do not overlap, of increasing size.
    parts: Vec<f64>,
    /// Sum of the infinities and NaNs.
    special: f64,
    /// Sum of the infinities.
    infinite: f64,
}

impl ExactSum {
    pub(super) fn add(&mut self, number: f64) -> Result<(), Failure> {
        let mut x = number;
        let mut kept = 0;
        for index in 0..self.parts.len() {
            let mut y = self.parts[index];
            if x.abs() < y.abs() {
                std::mem::swap(&mut x, &mut y);
            }
            let high = x + y;
            let low = y - (high - x);
            if low != 0.0 {
                self.parts[kept] = low;
                kept += 1;
            }
            x = high;
        }
        self.parts.truncate(kept);
        if x != 0.0 {
            if x.is_finite() {
                self.parts.push(x);
            } else if number.is_finite() {
                return Err(Failure::Overflow);
            } else {
                if number.is_infinite() {
                    self.infinite += number;
                }
                self.special += number;
                self.parts.clear();
            }
        }
        Ok(())
    }

    pub(super) fn total(mut self) -> Result<f64, Failure> {
        if self.special != 0.0 {
            if self.infinite.is_nan() {
                return Err(Failure::Opposite);
            }
            return Ok(self.special);
        }
        let Some(mut high) = self.parts.pop() else {
            return Ok(0.0);
        };
        let mut low = 0.0;
        while let Some(y) = self.parts.pop() {
            let x = high;
            high = x + y;
            low = y - (high - x);
            if low != 0.0 {
                break;
            }
        }
        // Exactly half a unit is left over: what is below it decides.
        if let Some(&below) = self.parts.last()
            && ((low < 0.0 && below < 0.0) || (low > 0.0 && below > 0.0))
        {
            let twice = low * 2.0;
            let moved = high + twice;
            if twice == moved - high {
                high = moved;
            }
        }
        Ok(high)
    }
}

/// A product and what its rounding lost.
fn product(x: f64, y: f64) -> (f64, f64) {
    let high = x * y;
    (high, x.mul_add(y, -high))
}

/// A sum and what its rounding lost, for `a` at least as large as `b`.
fn fast_sum(a: f64, b: f64) -> (f64, f64) {
    let high = a + b;
    (high, (a - high) + b)
}

/// A sum and what its rounding lost.
fn sum(a: f64, b: f64) -> (f64, f64) {
    let high = a + b;
    let z = high - a;
    (high, (a - (high - z)) + (b - z))
}

/// The length of a vector, with an error below one unit of the last digit.
pub(super) fn norm(mut vector: Vec<f64>) -> f64 {
    let mut largest = 0.0;
    let mut any_nan = false;
    for x in &mut vector {
        *x = x.abs();
        any_nan |= x.is_nan();
        if *x > largest {
            largest = *x;
        }
    }
    scaled_norm(vector, largest, any_nan)
}

fn scaled_norm(mut vector: Vec<f64>, largest: f64, any_nan: bool) -> f64 {
    if largest.is_infinite() {
        return largest;
    }
    if any_nan {
        return f64::NAN;
    }
    if largest == 0.0 || vector.len() <= 1 {
        return largest;
    }
    let (_, exponent) = super::functions::split(largest);
    if exponent < -1023 {
        for x in &mut vector {
            *x /= f64::MIN_POSITIVE;
        }
        return f64::MIN_POSITIVE * scaled_norm(vector, largest / f64::MIN_POSITIVE, any_nan);
    }
    let scale = super::functions::scale(1.0, -i64::from(exponent));
    let (mut total, mut lost_products, mut lost_sums) = (1.0, 0.0, 0.0);
    let mut add = |x: f64, y: f64| {
        let (square, low) = product(x, y);
        let (high, rest) = fast_sum(total, square);
        total = high;
        lost_products += low;
        lost_sums += rest;
        total - 1.0 + (lost_products + lost_sums)
    };
    let mut squares = 0.0;
    for x in vector {
        let x = x * scale;
        squares = add(x, x);
    }
    let mut length = squares.sqrt();
    let error = add(-length, length);
    length += error / (2.0 * length);
    length / scale
}

/// The sum of the products, as if computed with three times the digits.
pub(super) fn dot(p: &[f64], q: &[f64]) -> f64 {
    let (mut high, mut low, mut tiny) = (0.0, 0.0, 0.0);
    let mut plain = 0.0;
    for (&x, &y) in p.iter().zip(q) {
        plain += x * y;
        let (product_high, product_low) = product(x, y);
        let (sum_high, sum_low) = sum(high, product_high);
        let (first_high, first_low) = sum(low, product_low);
        let (second_high, second_low) = sum(first_high, sum_low);
        high = sum_high;
        low = second_high;
        tiny = tiny + first_low + second_low;
    }
    let (last_high, last_low) = sum(low, tiny);
    let (total, rest) = sum(high, last_high);
    let result = total + (rest + last_low);
    // Infinities and NaNs spoil the corrections, not the plain sum.
    if result.is_finite() { result } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(numbers: &[f64]) -> Result<f64, Failure> {
        let mut sum = ExactSum::default();
        for &number in numbers {
            sum.add(number)?;
        }
        sum.total()
    }

    #[test]
    fn sums_are_rounded_once() {
        assert_eq!(exact(&[0.1; 10]), Ok(1.0));
        assert_eq!(exact(&[1e16, 1.0, 1e-16]), Ok(1.000_000_000_000_000_2e16));
        assert_eq!(exact(&[1e308, 1e308]), Err(Failure::Overflow));
        assert_eq!(
            exact(&[f64::INFINITY, f64::NEG_INFINITY]),
            Err(Failure::Opposite)
        );
        assert_eq!(exact(&[]), Ok(0.0));
    }

    #[test]
    fn lengths_have_cpythons_last_digits() {
        assert_eq!(norm(vec![3.0, 4.0]), 5.0);
        assert_eq!(norm(vec![1.0, 2.0, 3.0]), 3.741_657_386_773_941_3);
        assert_eq!(norm(vec![5e-324, 5e-324]), 5e-324);
        assert_eq!(norm(vec![f64::INFINITY, f64::NAN]), f64::INFINITY);
        assert_eq!(dot(&[0.1, 0.2], &[3.0, 4.0]), 1.1);
    }
}
