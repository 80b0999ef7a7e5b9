//! Decimal digits, eight at a time.

/// The digits of four numbers below 100, all at once: each has a lane of two bytes in one word, wide enough that the
/// multiplication by which they are divided by ten stays within it.
#[inline]
pub(crate) fn digits(numbers: [u32; 4]) -> [u8; 8] {
    let lanes = numbers.iter().rev().fold(0, |lanes, &number| lanes << 16 | u64::from(number));
    let tens = (lanes * 103) >> 10 & 0x000f_000f_000f_000f;
    let units = lanes - tens * 10;
    (tens | units << 8 | ZEROS).to_le_bytes()
}

/// `00000000`.
const ZEROS: u64 = u64::from_ne_bytes([b'0'; 8]);

const EIGHT_DIGITS: u64 = 100_000_000;

/// Appends a number.
#[inline]
pub fn write_decimal(out: &mut Vec<u8>, value: u64) {
    if value < 10 {
        out.push(b'0' + value as u8);
    } else if value < EIGHT_DIGITS {
        let digits = eight_digits(value as u32);
        let leading = (u64::from_le_bytes(digits) ^ ZEROS).trailing_zeros() / 8;
        // Eight bytes are two instructions; a copy of a length that the compiler does not know is a call.
        let digits = u64::from_le_bytes(digits) >> (8 * leading);
        out.extend_from_slice(&digits.to_le_bytes());
        out.truncate(out.len() - leading as usize);
    } else {
        write_long(out, value);
    }
}

fn write_long(out: &mut Vec<u8>, value: u64) {
    write_decimal(out, value / EIGHT_DIGITS);
    out.extend_from_slice(&eight_digits((value % EIGHT_DIGITS) as u32));
}

#[inline]
fn eight_digits(value: u32) -> [u8; 8] {
    digits([value / 1_000_000, value / 10_000 % 100, value / 100 % 100, value % 100])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_number_is_written_as_the_library_writes_it(value in any::<u64>(), bits in 0..64) {
            let value = value >> bits;
            let mut out = b"x".to_vec();
            write_decimal(&mut out, value);
            prop_assert_eq!(String::from_utf8(out).unwrap(), format!("x{value}"));
        }
    }
}
