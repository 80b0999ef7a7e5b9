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

/// Writes a number from the start of the room on, and says how many bytes it takes. The room is as long as any number and
/// eight bytes more; what lies behind the number may be written over.
#[inline]
pub fn write_decimal_over(room: &mut [u8], value: u64) -> usize {
    if value < 10 {
        room[0] = b'0' + value as u8;
        return 1;
    }
    if value >= EIGHT_DIGITS {
        return write_long_over(room, value);
    }
    let digits = u64::from_le_bytes(eight_digits(value as u32));
    let leading = (digits ^ ZEROS).trailing_zeros() / 8;
    room[..8].copy_from_slice(&(digits >> (8 * leading)).to_le_bytes());
    8 - leading as usize
}

#[cold]
fn write_long_over(room: &mut [u8], value: u64) -> usize {
    let front = write_decimal_over(room, value / EIGHT_DIGITS);
    room[front..front + 8].copy_from_slice(&eight_digits((value % EIGHT_DIGITS) as u32));
    front + 8
}

/// The most bytes that [`write_decimal_over`] writes to.
pub const DECIMAL_ROOM: usize = 20;

fn write_long(out: &mut Vec<u8>, value: u64) {
    write_decimal(out, value / EIGHT_DIGITS);
    out.extend_from_slice(&eight_digits((value % EIGHT_DIGITS) as u32));
}

/// The digits of a number below a hundred million: halved, and halved again, all parts at once. What they are multiplied by
/// divides exactly for numbers of so many digits.
#[inline]
fn eight_digits(value: u32) -> [u8; 8] {
    let (front, back) = (value / 10_000, value % 10_000);
    let fours = u64::from(front) | u64::from(back) << 32;
    let hundreds = (fours * 10_486) >> 20 & 0x0000_007f_0000_007f;
    let twos = hundreds | (fours - hundreds * 100) << 16;
    let tens = (twos * 103) >> 10 & 0x000f_000f_000f_000f;
    let units = twos - tens * 10;
    (tens | units << 8 | ZEROS).to_le_bytes()
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
            let mut room = [b'x'; DECIMAL_ROOM];
            let len = write_decimal_over(&mut room, value);
            prop_assert_eq!(std::str::from_utf8(&room[..len]).unwrap(), value.to_string());
        }
    }
}
