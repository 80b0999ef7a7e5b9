//! Pieces of JSON whose length is known beforehand, alone or in a row.

use events::{Timestamp, Uuid, ids};

/// Something that is written in the same number of bytes whatever its value.
pub(super) trait Fixed {
    /// How many bytes.
    const LEN: usize;

    /// Writes it over what stands there, which is exactly as long.
    fn write_over(self, room: &mut [u8]);
}

/// JSON as it stands.
impl<const N: usize> Fixed for &[u8; N] {
    const LEN: usize = N;

    #[inline(always)]
    fn write_over(self, room: &mut [u8]) {
        room.copy_from_slice(self);
    }
}

impl Fixed for Timestamp {
    const LEN: usize = Self::TEXT_LEN;

    #[inline(always)]
    fn write_over(self, room: &mut [u8]) {
        Self::write_over(self, room.try_into().expect("the room is as long as a time"));
    }
}

impl Fixed for Uuid {
    const LEN: usize = ids::UUID_TEXT_LEN;

    #[inline(always)]
    fn write_over(self, room: &mut [u8]) {
        ids::write_uuid_over(room.try_into().expect("the room is as long as an id"), self);
    }
}

impl<A: Fixed, B: Fixed, C: Fixed> Fixed for (A, B, C) {
    const LEN: usize = A::LEN + B::LEN + C::LEN;

    #[inline(always)]
    fn write_over(self, room: &mut [u8]) {
        let (first, rest) = room.split_at_mut(A::LEN);
        let (second, third) = rest.split_at_mut(B::LEN);
        self.0.write_over(first);
        self.1.write_over(second);
        self.2.write_over(third);
    }
}
